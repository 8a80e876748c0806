//! What others read in the files: ffprobe, ffmpeg's decoder, Mozilla's parser.
#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers belong to tests, too")]

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use media::{
    AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig,
};
use mp4_mux::{Movie, Writer};

const RATE: u32 = 48_000;
const UNIT: usize = 1 << 20;

/// Runs a program and returns what it writes; it must write nothing else and succeed.
fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().expect("ffmpeg is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{program} {arguments:?}: {complaint}");
    output.stdout
}

/// The access units of a test picture, coded with a delimiter before each.
fn pictures(size: &str, seconds: u32) -> Vec<Bytes> {
    let source = format!("testsrc2=size={size}:rate=30:duration={seconds}");
    let x264 = "aud=1:keyint=60:bframes=0:sliced-threads=1:slices=2";
    let stream = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            &source,
            "-c:v",
            "libx264",
            "-preset",
            "superfast",
            "-profile:v",
            "high",
            "-pix_fmt",
            "yuv420p",
            "-x264-params",
            x264,
            "-f",
            "h264",
            "-",
        ],
    );
    let delimiter = [0, 0, 0, 1, 9];
    let starts: Vec<_> = (0..stream.len() - 4).filter(|at| stream[*at..at + 5] == delimiter).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| Bytes::copy_from_slice(&stream[*start..end])).collect()
}

/// Raw AAC frames of a tone.
fn sounds(seconds: u32) -> Vec<Bytes> {
    let source = format!("sine=frequency=440:sample_rate={RATE}:duration={seconds}");
    let stream = run(
        "ffmpeg",
        &["-v", "error", "-f", "lavfi", "-i", &source, "-ac", "2", "-c:a", "aac", "-f", "adts", "-"],
    );
    let mut rest = &stream[..];
    std::iter::from_fn(|| {
        let header = rest.get(..7)?;
        let length =
            usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5;
        let frame = Bytes::copy_from_slice(&rest[7..length]);
        rest = &rest[length..];
        Some(frame)
    })
    .collect()
}

fn video_config() -> MediaEvent {
    let (codec, extradata) = (VideoCodec::H264, Bytes::new());
    MediaEvent::Video(VideoConfig { codec, extradata, width: 0, height: 0, frame_rate: None })
}

fn audio_config() -> MediaEvent {
    let extradata = Bytes::from_static(&[0x11, 0x90]);
    MediaEvent::Audio(AudioConfig { codec: AudioCodec::Aac, extradata, sample_rate: RATE, channels: 2 })
}

fn packet(track: Track, pts: Timestamp, is_keyframe: bool, data: Bytes) -> MediaEvent {
    MediaEvent::Packet(Packet { track, pts, dts: pts, is_keyframe, data })
}

/// Pictures from `start` on, 30 a second.
fn video(start: MediaDuration, units: Vec<Bytes>) -> Vec<(Timestamp, MediaEvent)> {
    let event = |(number, data): (usize, Bytes)| {
        let pts = Timestamp::ZERO + start + MediaDuration::from_samples(number as i64, 30);
        (pts, packet(Track::Video, pts, number % 60 == 0, data))
    };
    units.into_iter().enumerate().map(event).collect()
}

/// Sound from `start` on.
fn audio(start: MediaDuration, frames: Vec<Bytes>) -> Vec<(Timestamp, MediaEvent)> {
    let event = |(number, data): (usize, Bytes)| {
        let pts = Timestamp::ZERO + start + MediaDuration::from_samples(number as i64 * 1024, RATE);
        (pts, packet(Track::Audio, pts, true, data))
    };
    frames.into_iter().enumerate().map(event).collect()
}

/// Writes what the events say, in the order of their times, into a movie and its media.
fn write(mut events: Vec<(Timestamp, MediaEvent)>) -> (Movie, BytesMut) {
    events.sort_by_key(|(at, _)| *at);
    let (mut writer, mut media) = (Writer::new(SystemTime::now()), BytesMut::new());
    for config in [video_config(), audio_config()] {
        writer.push(&config, &mut media).unwrap();
    }
    for (_, event) in &events {
        writer.push(event, &mut media).unwrap();
    }
    (writer.finish(&mut media), media)
}

/// Makes the file, and checks what holds for every file.
fn file(movie: &Movie, media: &[u8], index_in_front: bool) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    let content = if index_in_front {
        let front = movie.front(UNIT, UNIT).unwrap().expect("the index fits");
        assert_eq!(front.len() % UNIT, 0);
        [&front[..], media].concat()
    } else {
        assert!(movie.front(UNIT, 1000).unwrap().is_none());
        let front = movie.bare_front(UNIT).unwrap();
        [&front[..], media, &movie.tail(front.len()).unwrap()[..]].concat()
    };
    std::fs::write(file.path(), content).unwrap();
    let parsed = mp4parse::read_mp4(&mut std::fs::File::open(file.path()).unwrap()).unwrap();
    assert_eq!(parsed.tracks.len(), 2);
    file
}

/// One value of ffprobe's.
fn probe(path: &Path, stream: &str, entry: &str) -> String {
    let path = path.to_str().unwrap();
    let out = run(
        "ffprobe",
        &["-v", "error", "-select_streams", stream, "-show_entries", entry, "-of", "default=nw=1:nk=1", path],
    );
    String::from_utf8(out).unwrap().trim().to_owned()
}

/// Hashes of all decoded frames of one kind; fails on the first that can't be decoded.
fn frames(path: &str, map: &str, format: &[&str]) -> Vec<String> {
    let before = ["-v", "error", "-xerror", "-err_detect", "explode"];
    let after = ["-i", path, "-map", map, "-fps_mode", "passthrough", "-f", "framehash", "-hash", "md5", "-"];
    let out = run("ffmpeg", &[&before[..], format, &after[..]].concat());
    let out = String::from_utf8(out).unwrap();
    out.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn every_frame_is_as_it_was_encoded_and_in_its_time() {
    let (units, sounds) = (pictures("320x180", 7), sounds(7));
    let (movie, media) =
        write([video(MediaDuration::ZERO, units.clone()), audio(MediaDuration::ZERO, sounds)].concat());
    let raw = tempfile::Builder::new().suffix(".h264").tempfile().unwrap();
    std::fs::write(raw.path(), units.concat()).unwrap();
    let expected = frames(raw.path().to_str().unwrap(), "0:v", &["-f", "h264"]);
    assert_eq!(expected.len(), 210);
    for index_in_front in [true, false] {
        let file = file(&movie, &media, index_in_front);
        let path = file.path();
        assert_eq!(frames(path.to_str().unwrap(), "0:v", &[]), expected);
        assert!(frames(path.to_str().unwrap(), "0:a", &[]).len() >= 328);
        assert_eq!(
            probe(path, "v", "stream=codec_name,profile,width,height,start_time,duration,nb_frames"),
            "h264\nHigh\n320\n180\n0.000000\n7.000000\n210"
        );
        assert_eq!(
            probe(path, "a", "stream=codec_name,sample_rate,channels,start_time"),
            "aac\n48000\n2\n0.000000"
        );
        let media_at = std::fs::read(path).unwrap().windows(4).position(|kind| kind == b"mdat").unwrap();
        assert_eq!(media_at, UNIT - 12);
    }
}

#[test]
fn a_track_that_begins_late_is_late_and_a_gap_is_a_gap() {
    let mut pictures = video(MediaDuration::from_millis(1500), pictures("320x180", 6));
    // Two seconds are missing, from a key frame to a key frame.
    pictures.drain(60..120);
    let (movie, media) = write([pictures, audio(MediaDuration::ZERO, sounds(7))].concat());
    let file = file(&movie, &media, true);
    assert_eq!(probe(file.path(), "v", "stream=start_time,nb_frames"), "1.500000\n120");
    assert_eq!(probe(file.path(), "a", "stream=start_time"), "0.000000");
    let times = probe(file.path(), "v", "frame=pts_time");
    let times: Vec<f64> = times.lines().filter_map(|time| time.parse().ok()).collect();
    assert!((times[60] - 5.5).abs() < 0.001 && (times[59] - 3.4667).abs() < 0.001, "{:?}", &times[58..62]);
    assert_eq!(frames(file.path().to_str().unwrap(), "0:v", &[]).len(), 120);
}

#[test]
fn another_picture_size_has_its_own_description() {
    let (first, second) = (pictures("320x180", 2), pictures("640x360", 2));
    let second = video(MediaDuration::from_secs(2), second);
    let (movie, media) =
        write([video(MediaDuration::ZERO, first), second, audio(MediaDuration::ZERO, sounds(4))].concat());
    let file = file(&movie, &media, true);
    let sizes = probe(file.path(), "v", "frame=width");
    let widths: Vec<&str> = sizes.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        (widths.len(), widths[0], widths[59], widths[60], widths[119]),
        (120, "320", "320", "640", "640")
    );
}

#[test]
fn ten_hours_have_an_index_of_about_a_megabyte_an_hour() {
    let (mut writer, mut media) = (Writer::new(SystemTime::now()), BytesMut::new());
    for config in [video_config(), audio_config()] {
        writer.push(&config, &mut media).unwrap();
    }
    let key = pictures("32x32", 1).swap_remove(0);
    let (mut bytes, mut sound) = (0_u64, 0);
    const HOURS: i64 = 10;
    for number in 0..HOURS * 3600 * 30 {
        let pts = Timestamp::ZERO + MediaDuration::from_samples(number, 30);
        // Sizes that differ, as they do; only the first bytes of a key frame are ever decoded here.
        let length = key.len() - (number % 97) as usize;
        writer.push(&packet(Track::Video, pts, number % 60 == 0, key.slice(..length)), &mut media).unwrap();
        while Timestamp::ZERO + MediaDuration::from_samples(sound * 1024, RATE) <= pts {
            let pts = Timestamp::ZERO + MediaDuration::from_samples(sound * 1024, RATE);
            let data = Bytes::from(vec![0x21; 300 + (sound % 50) as usize]);
            writer.push(&packet(Track::Audio, pts, true, data), &mut media).unwrap();
            sound += 1;
        }
        bytes += media.len() as u64;
        assert!(media.len() < 4 << 20, "a chunk at a time");
        media.clear();
    }
    let told = writer.index_bytes();
    let movie = writer.finish(&mut media);
    let index = movie.tail(0).unwrap().len();
    assert!((told * 9 / 10..told + 4096).contains(&index), "{index} bytes, at most {told} were told");
    let front = movie.front(8 << 20, 32 << 20).unwrap().expect("four parts hold ten hours");
    assert_eq!(movie.media_bytes(), bytes + media.len() as u64);
    assert_eq!(front.len(), 16 << 20);
    assert_eq!(movie.duration().as_millis(), HOURS * 3600 * 1000);
}

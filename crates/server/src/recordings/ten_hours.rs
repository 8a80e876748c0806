//! A long broadcast through all that comes after the encoder, as fast as it goes: `make ten-hours`.

use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hls_mux::{MediaSequence, Output, Segmenter, SegmenterOptions};
use media::{
    AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig,
};
use scenarios::{Movie, SeaweedFs};
use tokio_util::sync::CancellationToken;
use uploader::Uploader;

use super::Recorders;
use crate::catalog::{Catalog, RecordingState, StreamOptions};
use crate::config::Config;
use crate::janitor::Janitor;
use crate::live::{Board, ObjectKeys, Origin, Registry, RegistryOptions};
use crate::settings::Settings;

const RATE: u32 = 48_000;
const FPS: u32 = 30;

/// Two seconds of a picture, and as much of a tone, as an encoder makes them; small, so that ten hours fit the store.
struct Source {
    pictures: Vec<Bytes>,
    sounds: Vec<Bytes>,
}

impl Source {
    fn new() -> Self {
        let video = ffmpeg(
            "-f lavfi -i testsrc2=size=64x36:rate=30:duration=2 -c:v libx264 -preset superfast -crf 35 -pix_fmt yuv420p \
             -x264-params aud=1:keyint=60:bframes=0 -f h264 -",
        );
        let delimiter = [0, 0, 0, 1, 9];
        let starts: Vec<_> = (0..video.len() - 4).filter(|at| video[*at..at + 5] == delimiter).collect();
        let ends = starts.iter().skip(1).copied().chain([video.len()]);
        let pictures =
            starts.iter().zip(ends).map(|(start, end)| Bytes::copy_from_slice(&video[*start..end])).collect();
        let tone = ffmpeg("-f lavfi -i sine=sample_rate=48000:duration=2 -ac 2 -c:a aac -b:a 32k -f adts -");
        let mut rest = &tone[..];
        let frame = || {
            let header = rest.get(..7)?;
            let length =
                usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5;
            let frame = Bytes::copy_from_slice(&rest[7..length]);
            rest = &rest[length..];
            Some(frame)
        };
        Self { pictures, sounds: std::iter::from_fn(frame).collect() }
    }

    /// The packets of so many seconds, in the order of their times.
    fn packets(&self, seconds: i64) -> impl Iterator<Item = Packet> {
        let at = |number: i64, rate| Timestamp::ZERO + MediaDuration::from_samples(number, rate);
        let (mut picture, mut sound) = (0, 0);
        std::iter::from_fn(move || {
            let (video, audio) = (at(picture, FPS), at(sound * 1024, RATE));
            let (track, pts, is_keyframe, data);
            if video <= audio {
                let place = picture as usize % self.pictures.len();
                (track, pts, is_keyframe, data) = (Track::Video, video, place == 0, &self.pictures[place]);
                picture += 1;
            } else {
                let place = sound as usize % self.sounds.len();
                (track, pts, is_keyframe, data) = (Track::Audio, audio, true, &self.sounds[place]);
                sound += 1;
            }
            (pts < at(seconds, 1)).then(|| Packet { track, pts, dts: pts, is_keyframe, data: data.clone() })
        })
    }
}

fn ffmpeg(args: &str) -> Vec<u8> {
    let made = Command::new("ffmpeg").args(["-v", "error"]).args(args.split_whitespace()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

fn ffprobe(url: &str, entries: &str) -> String {
    let args = ["-v", "error", "-count_packets", "-of", "default=nw=1", "-show_entries", entries, url];
    let found = Command::new("ffprobe").args(args).stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stderr), "");
    String::from_utf8(found.stdout).unwrap()
}

/// The most memory that this process ever had in use, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}

/// Seconds of processor time that this process has had.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // In hundredths of a second; proc(5).
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make ten-hours`"]
async fn ten_hours_are_ready_a_moment_after_their_end() {
    let hours = scenarios::number_from_env("HOURS", 10) as i64;
    let (seconds, source) = (hours * 3600, Source::new());
    let folder = tempfile::tempdir().unwrap();
    let bucket = SeaweedFs::bucket("ten-hours").await;
    let [(_, name), (_, endpoint), (_, key), (_, secret)] = bucket.env();
    let settings = Settings {
        data_dir: Some(folder.path().to_owned()),
        s3_bucket: Some(name),
        s3_endpoint: Some(endpoint.parse().unwrap()),
        s3_access_key_id: Some(key.into()),
        s3_secret_access_key: Some(secret.into()),
        ..Settings::default()
    };
    let config = Config::new(settings).unwrap();
    let uploader: Uploader = crate::open_store(&config).unwrap();
    let catalog = Catalog::open(&config.database_url).await.unwrap();
    let options = RegistryOptions::new(&config, None);
    let (stop, shutdown) = (CancellationToken::new(), CancellationToken::new());
    let board = Board::new(config.viewers);
    let registry = Registry::new(options, catalog.clone(), board, uploader.clone(), stop, shutdown);
    let janitor = Janitor::new(&config, catalog.clone(), uploader.clone(), Some(registry.clone()));
    let start = || Recorders::start(catalog.clone(), registry.clone(), &uploader, janitor.clone());
    let recorders = start();

    let recorded = StreamOptions { record: true, ..config.stream_defaults.clone() };
    let stream = catalog.create("ten hours", recorded).await.unwrap();
    let id = &stream.video_id;
    let _session = registry.attach(&stream, Origin::Encoder(IpAddr::V4(Ipv4Addr::LOCALHOST))).await.unwrap();
    let broadcast = registry.get(id).unwrap();
    let first = MediaSequence::new(0);
    let mut segmenter = Segmenter::new(SegmenterOptions::default(), first, SystemTime::now());
    let video = VideoConfig {
        codec: VideoCodec::H264,
        extradata: Bytes::new(),
        width: 64,
        height: 36,
        frame_rate: None,
    };
    let audio = AudioConfig {
        codec: AudioCodec::Aac,
        extradata: Bytes::from_static(&[0x11, 0x90]),
        sample_rate: RATE,
        channels: 2,
    };
    let (made, segments) = std::sync::mpsc::channel();
    let mut keep = |output| {
        if let Output::Segment(segment) = output {
            made.send(Arc::new(segment)).unwrap();
        }
    };
    segmenter.push(MediaEvent::Video(video), &mut keep).unwrap();
    segmenter.push(MediaEvent::Audio(audio), &mut keep).unwrap();
    let (begun, before) = (Instant::now(), peak());
    let (mut is_live, mut told, mut pictures) = (false, 0, 0);
    for packet in source.packets(seconds) {
        pictures += u64::from(packet.track == Track::Video);
        segmenter.push(MediaEvent::Packet(packet), &mut keep).unwrap();
        while let Ok(segment) = segments.try_recv() {
            broadcast.push(segment).await;
            if !is_live {
                catalog.went_live(id, SystemTime::now(), Some(first)).await.unwrap();
                is_live = true;
            }
        }
        let hour = pictures / u64::from(3600 * FPS);
        if hour > told {
            told = hour;
            println!("{hour} h after {:.0?}, peak of memory {} MB", begun.elapsed(), peak());
        }
    }
    segmenter.finish(&mut keep);
    while let Ok(segment) = segments.try_recv() {
        broadcast.push(segment).await;
    }
    broadcast.all_stored().await;
    // In real time it is never far behind.
    let recording = || async { catalog.recording(id, 1).await.unwrap().unwrap() };
    let mut sealed = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = catalog.sealed_parts(&recording().await).await.unwrap().len();
        if std::mem::replace(&mut sealed, now) == now {
            break;
        }
    }
    let fed = peak();
    // The recorder dies, and another one takes over at the end: what isn't in a part yet is all that it reads.
    recorders.shared.cancel.cancel();
    recorders.shared.tasks.close();
    recorders.shared.tasks.wait().await;
    drop(recorders);
    let (ended, before_end) = (Instant::now(), processor_seconds());
    let _recorders = start();
    registry.stop(id).await;
    let stopped = ended.elapsed();
    while recording().await.state != RecordingState::Ready {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(ended.elapsed() < Duration::from_secs(120), "{:?}", recording().await);
    }
    let (ready, processor) = (ended.elapsed(), processor_seconds() - before_end);
    let file = recording().await.file.unwrap();
    println!(
        "{hours} h in {:.0?}: {} bytes, {sealed} parts sealed before the end, over after {stopped:.2?}, ready after \
         {ready:.2?} ({processor:.2} s of a processor); peak of memory {before} MB before, {fed} MB at the end, {} MB when ready",
        begun.elapsed(),
        file.bytes,
        peak(),
    );
    assert!(!file.index_is_last);
    assert_eq!(file.duration.as_millis(), seconds * 1000);

    let url = bucket.url(&ObjectKeys::new(id).recording(1));
    let found = ffprobe(&url, "stream=codec_name,start_time,duration,nb_read_packets:format=duration,size");
    println!("{found}");
    for said in [
        format!(
            "codec_name=h264\nstart_time=0.000000\nduration={seconds}.000000\nnb_read_packets={pictures}\n"
        ),
        format!("size={}\n", file.bytes),
    ] {
        assert!(found.contains(&said), "{said}");
    }
    let movie = Movie::new(reqwest::get(&url).await.unwrap().bytes().await.unwrap().to_vec());
    assert_eq!(movie.boxes(), ["ftyp", "moov", "free", "mdat"]);
    let samples = movie.samples();
    println!("another parser reads {samples:?} samples");
    assert_eq!(samples[0] as u64, pictures);
    let begun = Instant::now();
    let (said, decoded) = movie.decode().await;
    println!("ffmpeg decodes {decoded} pictures, and all sound, in {:.0?}: {said:?}", begun.elapsed());
    assert_eq!((said.as_str(), decoded as u64), ("", pictures));
    assert!(ready < Duration::from_secs(2), "the promise: {ready:?}");
}

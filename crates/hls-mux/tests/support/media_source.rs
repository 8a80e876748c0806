//! Media: made up bytes for the rules, and a real encoder's output for decoders.

use bytes::Bytes;
use media::{
    AudioCodec, AudioConfig, FrameRate, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec,
    VideoConfig,
};

pub const SPS: &[u8] = &[0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9];
pub const PPS: &[u8] = &[0x68, 0xEE, 0x3C, 0x80];

pub fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [0, 0, 0, 1].iter().chain(*nal).copied()).collect()
}

pub fn video_config(extradata: &[u8], rate: Option<FrameRate>) -> VideoConfig {
    VideoConfig {
        codec: VideoCodec::H264,
        extradata: Bytes::copy_from_slice(extradata),
        width: 1280,
        height: 720,
        frame_rate: rate,
    }
}

pub fn audio_config(rate: u32) -> AudioConfig {
    AudioConfig { codec: AudioCodec::Aac, extradata: Bytes::new(), sample_rate: rate, channels: 2 }
}

/// Made-up video: what starts like pictures.
pub fn picture(at: Timestamp, is_keyframe: bool, size: usize) -> Packet {
    let mut slice = vec![if is_keyframe { 0x65 } else { 0x41 }];
    slice.resize(size.max(2), 0xA5);
    let data = if is_keyframe { annex_b(&[SPS, PPS, &slice]) } else { annex_b(&[&slice]) };
    Packet { track: Track::Video, pts: at, dts: at, is_keyframe, data: data.into() }
}

pub fn sound(at: Timestamp, size: usize) -> Packet {
    Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data: vec![0x21; size].into() }
}

/// `seconds` of made-up video and audio that start at `start`, interleaved by time. IDR pictures come
/// on the 2 s grid.
pub fn programme(start: Timestamp, seconds: i64, rate: FrameRate, sample_rate: u32) -> Vec<MediaEvent> {
    let end = start + MediaDuration::from_secs(seconds);
    let mut packets = Vec::new();
    let mut next_idr = start;
    for index in 0.. {
        let at = start + MediaDuration::from_samples(index * i64::from(rate.den), rate.num);
        if at >= end {
            break;
        }
        let is_keyframe = at >= next_idr;
        if is_keyframe {
            next_idr += MediaDuration::from_secs(2);
        }
        packets.push(picture(at, is_keyframe, if is_keyframe { 40_000 } else { 9_000 }));
    }
    for index in 0.. {
        let at = start + MediaDuration::from_samples(index * 1024, sample_rate);
        if at >= end {
            break;
        }
        packets.push(sound(at, 341));
    }
    packets.sort_by_key(|packet| (packet.dts, packet.track));
    let configs =
        [MediaEvent::Video(video_config(&[], Some(rate))), MediaEvent::Audio(audio_config(sample_rate))];
    configs.into_iter().chain(packets.into_iter().map(MediaEvent::Packet)).collect()
}

/// A real encoder's output: pictures of `rate` with an IDR at the first at or past each 2 s, and
/// 48 kHz stereo AAC. With `b_frames` pictures are reordered.
pub struct Encoded {
    pub pictures: Vec<Vec<u8>>,
    pub frames: Vec<Vec<u8>>,
    pub rate: FrameRate,
}

impl Encoded {
    pub fn new(rate: FrameRate, seconds: u32) -> Self {
        let source = format!("testsrc2=size=320x180:rate={}/{}", rate.num, rate.den);
        let length = seconds.to_string();
        let video = [
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            &source,
            "-t",
            &length,
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-tune",
            "zerolatency",
            "-b:v",
            "600k",
            "-force_key_frames",
            "expr:gte(t,n_forced*2)",
            "-g",
            "600",
            "-x264-params",
            "scenecut=0:aud=1:repeat-headers=1",
            "-f",
            "h264",
            "-",
        ];
        let audio = [
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000",
            "-t",
            &length,
            "-ac",
            "2",
            "-c:a",
            "aac",
            "-b:a",
            "128k",
            "-f",
            "adts",
            "-",
        ];
        Self { pictures: split_annex_b(&encode(&video)), frames: split_adts(&encode(&audio)), rate }
    }

    /// The events of it from `start` on, interleaved by time.
    pub fn events(&self, start: Timestamp) -> Vec<MediaEvent> {
        let mut packets: Vec<Packet> = Vec::new();
        for (index, data) in self.pictures.iter().enumerate() {
            let at =
                start + MediaDuration::from_samples(index as i64 * i64::from(self.rate.den), self.rate.num);
            // The headers come with IDR pictures alone, right behind the delimiter.
            let is_keyframe = data[10] & 0x1F == 7;
            let data = Bytes::copy_from_slice(data);
            packets.push(Packet { track: Track::Video, pts: at, dts: at, is_keyframe, data });
        }
        for (index, data) in self.frames.iter().enumerate() {
            let at = start + MediaDuration::from_samples(index as i64 * 1024, 48_000);
            let data = Bytes::copy_from_slice(data);
            packets.push(Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data });
        }
        packets.sort_by_key(|packet| (packet.dts, packet.track));
        let configs =
            [MediaEvent::Video(video_config(&[], Some(self.rate))), MediaEvent::Audio(audio_config(48_000))];
        configs.into_iter().chain(packets.into_iter().map(MediaEvent::Packet)).collect()
    }
}

/// What ffmpeg writes to its standard output.
fn encode(args: &[&str]) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg").args(args).stdin(std::process::Stdio::null()).output();
    let output = output.expect("ffmpeg is needed by this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Access units: each starts with a delimiter.
fn split_annex_b(stream: &[u8]) -> Vec<Vec<u8>> {
    let delimiter = [0, 0, 0, 1, 9];
    let starts: Vec<usize> =
        (0..stream.len().saturating_sub(4)).filter(|at| stream[*at..].starts_with(&delimiter)).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(start, end)| stream[*start..end].to_vec()).collect()
}

/// Raw frames, without their headers.
fn split_adts(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while rest.len() >= 7 {
        let length =
            (usize::from(rest[3] & 3) << 11) | (usize::from(rest[4]) << 3) | usize::from(rest[5] >> 5);
        frames.push(rest[7..length].to_vec());
        rest = &rest[length..];
    }
    frames
}

/// Packets of a file that ffmpeg has muxed to FLV: length-prefixed pictures, reordered, with `avcC`.
pub fn with_b_frames(rate: u32, seconds: u32) -> Vec<MediaEvent> {
    let source = format!("testsrc2=size=320x180:rate={rate}");
    let length = seconds.to_string();
    let gop = (2 * rate).to_string();
    let flv = encode(&[
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-t",
        &length,
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "2",
        "-b:v",
        "600k",
        "-g",
        &gop,
        "-keyint_min",
        &gop,
        "-sc_threshold",
        "0",
        "-f",
        "flv",
        "-",
    ]);
    let mut events = Vec::new();
    let mut rest = &flv[13..];
    while rest.len() > 15 {
        let length = usize::from(rest[1]) << 16 | usize::from(rest[2]) << 8 | usize::from(rest[3]);
        let stamp = i64::from(rest[7]) << 24
            | i64::from(rest[4]) << 16
            | i64::from(rest[5]) << 8
            | i64::from(rest[6]);
        let (kind, body) = (rest[0], &rest[11..11 + length]);
        rest = &rest[11 + length + 4..];
        match (kind, body.get(1)) {
            (9, Some(0)) => {
                let rate = FrameRate { num: rate, den: 1 };
                events.push(MediaEvent::Video(video_config(&body[5..], Some(rate))));
            }
            (9, Some(1)) => {
                let offset = i64::from(body[2]) << 16 | i64::from(body[3]) << 8 | i64::from(body[4]);
                let (pts, dts) = (Timestamp::from_millis(stamp + offset), Timestamp::from_millis(stamp));
                let data = Bytes::copy_from_slice(&body[5..]);
                let is_keyframe = body[0] >> 4 == 1;
                events.push(MediaEvent::Packet(Packet { track: Track::Video, pts, dts, is_keyframe, data }));
            }
            _ => {}
        }
    }
    events
}

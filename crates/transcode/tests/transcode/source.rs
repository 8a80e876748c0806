//! Publishers for the tests: the ffmpeg program encodes, and its FLV is read back as an RTMP
//! publisher would send it, timestamps in milliseconds.

use std::process::Command;

use bytes::Bytes;
use media::{
    AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig,
};

/// Sources of pictures and of sound, for `ffmpeg`'s command line.
pub(crate) fn pictures(size: &str, rate: &str, seconds: f64) -> String {
    format!("-f lavfi -i testsrc2=s={size}:r={rate}:d={seconds}")
}

pub(crate) fn tone(rate: u32, seconds: f64) -> String {
    format!("-f lavfi -i sine=f=440:r={rate}:d={seconds}")
}

/// The fastest encoding there is; keyframes every second or so.
pub(crate) const X264: &str = "-c:v libx264 -preset ultrafast -g 30 -pix_fmt yuv420p";
pub(crate) const AAC: &str = "-c:a aac -b:a 96k";

/// What `ffmpeg` publishes when it is run with these arguments.
pub(crate) fn publish(arguments: &[&str]) -> Vec<MediaEvent> {
    let mut all = arguments.to_vec();
    all.push("-flvflags no_duration_filesize -f flv pipe:1");
    read_flv(&run_ffmpeg(&all))
}

/// Runs `ffmpeg` and returns what it writes to its standard output.
pub(crate) fn run_ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let words = arguments.iter().flat_map(|part| part.split_ascii_whitespace());
    let output = Command::new("ffmpeg").args(["-v", "error", "-nostdin"]).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The same events, shown later (or earlier).
pub(crate) fn shifted(events: Vec<MediaEvent>, by: MediaDuration) -> Vec<MediaEvent> {
    let shift = |event| match event {
        MediaEvent::Packet(packet) => {
            MediaEvent::Packet(Packet { pts: packet.pts + by, dts: packet.dts + by, ..packet })
        }
        config => config,
    };
    events.into_iter().map(shift).collect()
}

/// Only the events that `keep` wants among packets; configurations stay.
pub(crate) fn kept(events: Vec<MediaEvent>, keep: impl Fn(&Packet) -> bool) -> Vec<MediaEvent> {
    events.into_iter().filter(|event| !matches!(event, MediaEvent::Packet(packet) if !keep(packet))).collect()
}

/// Without anything of `track`.
pub(crate) fn without(events: Vec<MediaEvent>, track: Track) -> Vec<MediaEvent> {
    let is_other = |event: &MediaEvent| match event {
        MediaEvent::Video(_) => track != Track::Video,
        MediaEvent::Audio(_) => track != Track::Audio,
        MediaEvent::Packet(packet) => packet.track != track,
    };
    events.into_iter().filter(is_other).collect()
}

fn read_flv(file: &[u8]) -> Vec<MediaEvent> {
    let number = |bytes: &[u8]| bytes.iter().fold(0i64, |sum, byte| sum << 8 | i64::from(*byte));
    let mut events = Vec::new();
    let mut rest = &file[13..];
    while rest.len() > 11 {
        let length = number(&rest[1..4]) as usize;
        let dts = Timestamp::from_millis(number(&rest[4..7]) | i64::from(rest[7]) << 24);
        let body = &rest[11..11 + length];
        match (rest[0], body) {
            (9, [_, 0, _, _, _, avcc @ ..]) => events.push(MediaEvent::Video(VideoConfig {
                codec: VideoCodec::H264,
                extradata: Bytes::copy_from_slice(avcc),
                width: 0,
                height: 0,
                frame_rate: None,
            })),
            (9, [kind, 1, a, b, c, data @ ..]) => {
                let composition = number(&[*a, *b, *c]) << 40 >> 40;
                events.push(MediaEvent::Packet(Packet {
                    track: Track::Video,
                    pts: dts + MediaDuration::from_millis(composition),
                    dts,
                    is_keyframe: kind >> 4 == 1,
                    data: Bytes::copy_from_slice(data),
                }));
            }
            (8, [flags, 0, asc @ ..]) if flags >> 4 == 10 => events.push(MediaEvent::Audio(AudioConfig {
                codec: AudioCodec::Aac,
                extradata: Bytes::copy_from_slice(asc),
                sample_rate: 0,
                channels: 0,
            })),
            (8, [flags, 1, data @ ..]) if flags >> 4 == 10 => events.push(sound(dts, data)),
            (8, [flags, data @ ..]) if flags >> 4 == 2 => {
                if !events.iter().any(|event| matches!(event, MediaEvent::Audio(_))) {
                    events.push(MediaEvent::Audio(AudioConfig {
                        codec: AudioCodec::Mp3,
                        extradata: Bytes::new(),
                        sample_rate: 0,
                        channels: 0,
                    }));
                }
                events.push(sound(dts, data));
            }
            _ => {}
        }
        rest = &rest[11 + length + 4..];
    }
    events
}

pub(crate) fn sound(at: Timestamp, data: &[u8]) -> MediaEvent {
    let data = Bytes::copy_from_slice(data);
    MediaEvent::Packet(Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data })
}

//! What real encoders sent, byte for byte (`examples/listen.rs` records), read back in any pieces.

use std::path::Path;

use media::{AudioCodec, MediaEvent, Track, VideoCodec};
use proptest::prelude::*;
use rtmp_ingest::{Event, Limits};

use crate::script::{Driver, Outcome};

struct Recording {
    name: &'static str,
    video: Option<(VideoCodec, usize)>,
    audio: Option<(AudioCodec, usize)>,
}

/// Each with the number of packets that its encoder was seen to send.
const RECORDINGS: [Recording; 12] = [
    recording("obs", Some((VideoCodec::H264, 94)), Some((AudioCodec::Aac, 144))),
    recording("ffmpeg-h264-aac", Some((VideoCodec::H264, 50)), Some((AudioCodec::Aac, 88))),
    recording("ffmpeg-mp3", Some((VideoCodec::H264, 50)), Some((AudioCodec::Mp3, 78))),
    recording("ffmpeg-video-only", Some((VideoCodec::H264, 50)), None),
    recording("ffmpeg-audio-only", None, Some((AudioCodec::Aac, 88))),
    recording("gstreamer-rtmp2sink", Some((VideoCodec::H264, 50)), Some((AudioCodec::Aac, 80))),
    recording("gstreamer-rtmpsink", Some((VideoCodec::H264, 50)), Some((AudioCodec::Aac, 81))),
    recording("ffmpeg8-hevc-opus", Some((VideoCodec::Hevc, 25)), Some((AudioCodec::Opus, 51))),
    recording("ffmpeg8-av1-flac", Some((VideoCodec::Av1, 25)), Some((AudioCodec::Flac, 11))),
    recording("ffmpeg8-vp9-ac3", Some((VideoCodec::Vp9, 25)), Some((AudioCodec::Ac3, 32))),
    recording("ffmpeg8-h264-eac3", Some((VideoCodec::H264, 25)), Some((AudioCodec::Eac3, 32))),
    recording("ffmpeg8-multitrack", Some((VideoCodec::H264, 25)), Some((AudioCodec::Aac, 48))),
];

const fn recording(
    name: &'static str,
    video: Option<(VideoCodec, usize)>,
    audio: Option<(AudioCodec, usize)>,
) -> Recording {
    Recording { name, video, audio }
}

fn read(name: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(fixtures.join(name).with_extension("rtmp")).unwrap()
}

fn replay(name: &str, sizes: &[usize]) -> Outcome {
    Driver::new(Limits::default()).feed(&read(name), sizes)
}

#[test]
fn every_encoder_is_understood_to_the_end() {
    for Recording { name, video, audio } in RECORDINGS {
        let outcome = replay(name, &[16 * 1024]);
        assert_eq!(outcome.error, None, "{name}");
        assert!(matches!(outcome.events.first(), Some(Event::PublishRequested(_))), "{name}");
        assert_eq!(outcome.events.last(), Some(&Event::PublishFinished), "{name}");

        let count = |track| outcome.packets().iter().filter(|packet| packet.track == track).count();
        assert_eq!(count(Track::Video), video.map_or(0, |(_, packets)| packets), "{name}");
        assert_eq!(count(Track::Audio), audio.map_or(0, |(_, packets)| packets), "{name}");
        for media in outcome.media() {
            match media {
                MediaEvent::Video(config) => {
                    assert_eq!(Some(config.codec), video.map(|(codec, _)| codec), "{name}");
                    let expected = match (name, config.codec) {
                        (_, VideoCodec::Vp9) => (0, 0),
                        ("obs", _) => (320, 180),
                        (name, _) if name.starts_with("ffmpeg-") => (320, 180),
                        _ => (160, 90),
                    };
                    assert_eq!((config.width, config.height), expected, "{name}");
                }
                MediaEvent::Audio(config) => {
                    assert_eq!(Some(config.codec), audio.map(|(codec, _)| codec), "{name}");
                    assert!(
                        matches!((config.sample_rate, config.channels), (44_100 | 48_000, 1 | 2)),
                        "{name}"
                    );
                }
                MediaEvent::Packet(_) => {}
            }
        }
        let stats = outcome.stats;
        let dropped = stats.corrupt_access_units
            + stats.rejected_configs
            + stats.unconfigured_access_units
            + stats.unsupported_media
            + stats.media_outside_publish
            + stats.malformed_messages
            + stats.aborted_messages;
        assert_eq!((dropped, stats.timestamp_jumps, stats.timestamps_held), (0, 0, 0), "{name}: {stats:?}");
        assert_eq!(stats.extra_track_media > 0, name == "ffmpeg8-multitrack");
    }
}

#[test]
fn decode_times_run_evenly_and_pictures_are_shown_once_each() {
    for Recording { name, video, .. } in RECORDINGS {
        let outcome = replay(name, &[16 * 1024]);
        let Some((codec, _)) = video else { continue };
        let pictures: Vec<_> =
            outcome.packets().into_iter().filter(|packet| packet.track == Track::Video).collect();
        assert!(pictures[0].is_keyframe, "{name}");
        let period = if name == "obs" { 3000 } else { 3600 };
        // GStreamer's muxer starts its decode clock late: its first pictures are all at 0.
        for pair in pictures.windows(2).skip(3) {
            let step = (pair[1].dts - pair[0].dts).ticks();
            assert!((step - period).abs() <= 180, "{name}: a step of {step}");
        }
        let mut shown: Vec<_> = pictures.iter().map(|packet| packet.pts).collect();
        shown.sort();
        assert!(shown.windows(2).all(|pair| (pair[1] - pair[0]).ticks() >= period - 180), "{name}");
        let is_reordered = pictures.iter().any(|packet| packet.pts != packet.dts);
        assert!(is_reordered || codec != VideoCodec::H264 || name == "ffmpeg8-multitrack", "{name}");
    }
}

#[test]
fn a_byte_at_a_time_gives_the_same_events() {
    for Recording { name, .. } in RECORDINGS {
        assert!(replay(name, &[1]) == replay(name, &[usize::MAX]), "{name}");
    }
}

#[test]
fn every_truncation_ends_without_a_panic() {
    let whole = read("ffmpeg8-multitrack");
    for length in (0..whole.len()).step_by(97) {
        let outcome = Driver::new(Limits::default()).feed(&whole[..length], &[4096]);
        assert_eq!(outcome.error, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_gives_the_same_events(
        recording in prop::sample::select(RECORDINGS.iter().map(|recording| recording.name).collect::<Vec<_>>()),
        sizes in prop::collection::vec(prop_oneof![1usize..20, 1usize..5000], 1..30),
    ) {
        prop_assert!(replay(recording, &sizes) == replay(recording, &[usize::MAX]));
    }

    #[test]
    fn damage_never_panics_and_splits_alike(
        recording in prop::sample::select(RECORDINGS.iter().map(|recording| recording.name).collect::<Vec<_>>()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        sizes in prop::collection::vec(1usize..5000, 1..10),
    ) {
        let mut bytes = read(recording);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let whole = Driver::new(Limits::default()).feed(&bytes, &[usize::MAX]);
        let split = Driver::new(Limits::default()).feed(&bytes, &sizes);
        prop_assert!(whole.events == split.events);
        prop_assert_eq!(whole.error, split.error);
    }
}

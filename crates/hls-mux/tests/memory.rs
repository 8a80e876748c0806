//! A long broadcast takes no more memory than a short one. Alone in its file: it reads the process's.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use hls_mux::{MediaSequence, Segmenter, SegmenterOptions};
use media::{FrameRate, MediaDuration, MediaEvent, Timestamp, Track};
use support::media_source::{audio_config, picture, sound, video_config};

const RATE: u32 = 30;

#[test]
fn ten_minutes_take_no_more_than_one() {
    let part_target = Some(MediaDuration::from_millis(200));
    let options = SegmenterOptions { part_target, ..SegmenterOptions::default() };
    let mut segmenter = Segmenter::new(options, MediaSequence::default(), support::epoch());
    let mut push = |event| segmenter.push(event, &mut drop).unwrap();
    push(MediaEvent::Video(video_config(&[], Some(FrameRate { num: RATE, den: 1 }))));
    push(MediaEvent::Audio(audio_config(48_000)));
    let mut minutes = Vec::new();
    let (mut pictures, mut sounds) = (0, 0);
    for minute in 1..=10 {
        while pictures < minute * 60 * i64::from(RATE) {
            let at = |count, rate| Timestamp::ZERO + MediaDuration::from_samples(count, rate);
            let (video, audio) = (at(pictures, RATE), at(sounds * 1024, 48_000));
            let packet =
                if video <= audio { picture(video, pictures % 60 == 0, 10_000) } else { sound(audio, 341) };
            if packet.track == Track::Video {
                pictures += 1
            } else {
                sounds += 1
            }
            push(MediaEvent::Packet(packet));
        }
        minutes.push(resident_kib());
    }
    let growth = minutes[9].saturating_sub(minutes[0]);
    assert!(growth < 2048, "resident KiB after each minute: {minutes:?}");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

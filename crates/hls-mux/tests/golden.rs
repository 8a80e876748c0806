//! A real encoder's output through the segmenter, judged by ffmpeg, ffprobe and tsreport.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use hls_mux::{SegmenterOptions, segment_name};
use media::{FrameRate, MediaDuration, MediaEvent, Timestamp, Track};
use support::media_source::{Encoded, with_b_frames};
use support::{assert_continuous, assert_decodes, run, segment, ts_report};

const PAL: FrameRate = FrameRate { num: 25, den: 1 };
const FILM: FrameRate = FrameRate { num: 24_000, den: 1001 };

fn assert_clean(made: &support::Made, name: &str) {
    assert!(made.errors.is_empty(), "{:?}", made.errors);
    let stream = made.stream();
    assert_decodes(&stream);
    assert_continuous(&stream);
    let report = ts_report(&stream, name);
    assert!(report.contains("Bad (>.1s) gaps: 0,"), "{report}");
    assert!(!report.contains("###") && !report.contains("!!!"), "{report}");
    let least: Vec<i64> = report.lines().filter_map(least_difference).collect();
    assert!(!least.is_empty() && least.iter().all(|ticks| *ticks > 0), "{report}");
}

/// Of a line that says by how much the clock is behind PTS or DTS at least, that.
fn least_difference(line: &str) -> Option<i64> {
    let (_, rest) = line.split_once("Minimum difference was")?;
    rest.split('t').next()?.trim().parse().ok()
}

#[test]
fn segments_of_two_seconds_decode_together_and_alone() {
    let encoded = Encoded::new(PAL, 31);
    let made = segment(SegmenterOptions::default(), encoded.events(Timestamp::from_millis(1234)));
    assert_clean(&made, "two_seconds");
    let segments = made.segments();
    assert_eq!(segments.len(), 16);
    for segment in &segments {
        assert_decodes(&segment.data);
        assert!(segment.independent && !segment.discontinuity, "{}", segment_name(segment.sequence));
    }
    assert!(segments[..15].iter().all(|segment| segment.duration == MediaDuration::from_secs(2)));
    // The encoder pads the end of its audio.
    assert_eq!(segments[15].duration.as_millis(), 1040);
    let found = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-count_packets",
            "-show_entries",
            "stream=codec_name,profile,width,height,nb_read_packets",
            "-of",
            "csv=p=0",
            "-f",
            "mpegts",
            "-i",
            "-",
        ],
        &made.stream(),
    );
    assert!(
        found.contains(&format!("h264,Constrained Baseline,320,180,{}", encoded.pictures.len()))
            || found.contains(&format!(",320,180,{}", encoded.pictures.len())),
        "{found}"
    );
    assert!(found.contains(&format!("aac,LC,{}", encoded.frames.len())), "{found}");
}

#[test]
fn film_rate_and_the_wrap_of_the_33_bit_clock_leave_no_trace() {
    let encoded = Encoded::new(FILM, 31);
    // Half way through, the clock on the wire, which starts at 10 s, wraps.
    let start = Timestamp::from_ticks((1 << 33) - 900_000 - 15 * 90_000);
    let made = segment(SegmenterOptions::default(), encoded.events(start));
    assert_clean(&made, "film_wrap");
    for segment in made.segments() {
        assert_decodes(&segment.data);
        assert!(segment.duration.as_millis() < 2100, "{}", segment.duration);
    }
    assert!(made.segments().len() >= 15);
}

#[test]
fn parts_concatenate_to_their_segments() {
    let encoded = Encoded::new(PAL, 12);
    let part_target = Some(MediaDuration::from_millis(200));
    let options = SegmenterOptions { part_target, ..SegmenterOptions::default() };
    let made = segment(options, encoded.events(Timestamp::ZERO));
    assert_clean(&made, "parts");
    let joined: Vec<u8> = made.parts().iter().flat_map(|part| part.data.to_vec()).collect();
    assert_eq!(joined, made.stream());
    // One more for the encoder's padding of the audio's end.
    assert_eq!(made.parts().len(), 61);
}

#[test]
fn reordered_pictures_from_an_flv_decode() {
    let made = segment(SegmenterOptions::default(), with_b_frames(30, 20));
    assert_clean(&made, "b_frames");
    let segments = made.segments();
    assert_eq!(segments.len(), 10);
    assert!(
        segments
            .iter()
            .all(|segment| (segment.duration - MediaDuration::from_secs(2)).abs().as_millis() <= 1)
    );
    segments.iter().for_each(|segment| assert_decodes(&segment.data));
}

#[test]
fn each_track_alone_decodes() {
    let events = Encoded::new(PAL, 11).events(Timestamp::ZERO);
    for track in [Track::Video, Track::Audio] {
        let alone = events.iter().filter(|event| match event {
            MediaEvent::Video(_) => track == Track::Video,
            MediaEvent::Audio(_) => track == Track::Audio,
            MediaEvent::Packet(packet) => packet.track == track,
        });
        let made = segment(SegmenterOptions::default(), alone.cloned());
        assert_clean(&made, &format!("{track:?}_alone"));
        assert_eq!(made.segments().len(), 6, "{track:?}");
        made.segments().iter().for_each(|segment| assert_decodes(&segment.data));
    }
}

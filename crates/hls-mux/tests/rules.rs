//! What a segmenter promises, scenario by scenario.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use hls_mux::{Error, Output, Segment, SegmenterOptions};
use media::{FrameRate, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec};
use support::media_source::{PPS, SPS, annex_b, audio_config, picture, programme, sound, video_config};
use support::ts_reader::{Reader, Stream};
use support::{Made, epoch, segment};

const RATE: FrameRate = FrameRate { num: 30, den: 1 };
const FRAME: MediaDuration = MediaDuration::from_ticks(3000);
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Reads every segment with counters running on.
fn read(made: &Made) -> Vec<Stream> {
    let mut reader = Reader::default();
    made.segments().iter().map(|segment| reader.read(&segment.data)).collect()
}

fn packets(events: &[MediaEvent], track: Track) -> Vec<MediaEvent> {
    let is_of = |event: &&MediaEvent| match event {
        MediaEvent::Video(_) => track == Track::Video,
        MediaEvent::Audio(_) => track == Track::Audio,
        MediaEvent::Packet(packet) => packet.track == track,
    };
    events.iter().filter(is_of).cloned().collect()
}

/// Pictures from `from` to `until` milliseconds, an IDR every `gop` of them.
fn pictures(from: i64, until: i64, gop: usize) -> Vec<MediaEvent> {
    let count = MediaDuration::from_millis(until - from).to_samples(RATE.num);
    let picture = |index: i64| {
        picture(at(from) + MediaDuration::from_samples(index, 30), (index as usize).is_multiple_of(gop), 3000)
    };
    (0..count).map(|index| MediaEvent::Packet(picture(index))).collect()
}

fn sounds(from: i64, until: i64) -> Vec<MediaEvent> {
    let count = MediaDuration::from_millis(until - from).to_samples(48_000) / 1024;
    let sound = |index: i64| sound(at(from) + MediaDuration::from_samples(index * 1024, 48_000), 300);
    (0..count).map(|index| MediaEvent::Packet(sound(index))).collect()
}

/// Both configurations, then the packets by time.
fn mixed(lists: &[Vec<MediaEvent>]) -> Vec<MediaEvent> {
    let dts = |event: &MediaEvent| match event {
        MediaEvent::Packet(packet) => (packet.dts, packet.track),
        _ => (Timestamp::from_ticks(i64::MIN), Track::Video),
    };
    let mut events: Vec<_> = lists.concat();
    events.sort_by_key(dts);
    let configs = [MediaEvent::Video(video_config(&[], Some(RATE))), MediaEvent::Audio(audio_config(48_000))];
    configs.into_iter().chain(events).collect()
}

fn flags(made: &Made) -> Vec<(i64, i64, bool, bool)> {
    let flags = |s: &&Segment| {
        (s.start.since_origin().as_millis(), s.duration.as_millis(), s.discontinuity, s.independent)
    };
    made.segments().iter().map(flags).collect()
}

#[test]
fn a_segment_is_out_the_moment_the_next_idr_arrives() {
    let events = programme(at(0), 8, RATE, 48_000);
    let made = segment(SegmenterOptions::default(), events.clone());
    let idrs = events.iter().enumerate().filter(|(_, event)| {
        matches!(event, MediaEvent::Packet(Packet { track: Track::Video, is_keyframe: true, .. }))
    });
    for (segments, (index, _)) in idrs.enumerate().skip(1) {
        assert_eq!(made.after_event[index - 1], segments - 1);
        assert_eq!(made.after_event[index], segments);
    }
}

#[test]
fn a_part_is_out_the_moment_its_last_picture_is_pushed() {
    let part_target = Some(MediaDuration::from_millis(200));
    let options = SegmenterOptions { part_target, ..SegmenterOptions::default() };
    let events = packets(&programme(at(0), 6, RATE, 48_000), Track::Video);
    let made = segment(SegmenterOptions { track_wait: MediaDuration::ZERO, ..options }, events);
    // The configuration is the first event; from there on a part comes with every sixth picture.
    for pictures in 1..=180 {
        let outputs = &made.outputs[..made.after_event[pictures]];
        let parts = outputs.iter().filter(|output| matches!(output, Output::Part(_))).count();
        assert_eq!(parts, pictures / 6, "after {pictures} pictures");
    }
    let segments = made.segments();
    assert!(segments.iter().all(|segment| segment.parts.len() == 10));
    for part in segments.iter().flat_map(|segment| &segment.parts) {
        assert_eq!(part.duration, MediaDuration::from_millis(200));
        assert_eq!(part.independent, part.index == 0);
    }
}

#[test]
fn a_segment_starts_with_tables_delimiter_parameter_sets_and_idr() {
    let made = segment(SegmenterOptions::default(), programme(at(0), 10, RATE, 44_100));
    for stream in read(&made) {
        assert_eq!(stream.maps, [[VIDEO, AUDIO]]);
        let first = &stream.pes[0];
        assert!(first.pid == VIDEO && first.is_random_access);
        assert!(first.data.starts_with(&annex_b(&[&[9, 0xF0], SPS, PPS, &[0x65]])));
        assert!(stream.clock.iter().all(|(pid, _, is_break)| *pid == VIDEO && !is_break));
    }
    let wall = |segment: &Segment| segment.program_date_time.duration_since(epoch()).unwrap();
    assert_eq!(
        made.segments().iter().map(|s| wall(s)).collect::<Vec<_>>(),
        [0, 2, 4, 6, 8].map(Duration::from_secs)
    );
}

#[test]
fn a_late_track_starts_with_a_discontinuity_at_the_next_key_frame() {
    let late_audio =
        segment(SegmenterOptions::default(), mixed(&[pictures(0, 8000, 60), sounds(3000, 8000)]));
    assert_eq!(
        flags(&late_audio),
        [
            (0, 2000, false, true),
            (2000, 2000, false, true),
            (4000, 2000, true, true),
            (6000, 2000, false, true)
        ]
    );
    let streams = read(&late_audio);
    assert_eq!(streams[2].maps, [[VIDEO, AUDIO]]);
    assert_eq!(streams[2].clock[0], (VIDEO, (10_000 + 4000 - 500) * 27_000, true));

    let late_video =
        segment(SegmenterOptions::default(), mixed(&[pictures(3100, 8000, 60), sounds(0, 8000)]));
    let found: Vec<_> = late_video.segments().iter().map(|s| (s.start, s.discontinuity)).collect();
    assert_eq!(found.iter().filter(|(_, discontinuity)| *discontinuity).count(), 1);
    assert!(found.contains(&(at(3100), true)), "{found:?}");
    assert_eq!(read(&late_video).iter().map(|s| s.maps[0].len()).collect::<Vec<_>>(), [1, 1, 2, 2, 2]);
}

#[test]
fn a_second_track_within_the_wait_is_no_discontinuity() {
    let events = mixed(&[pictures(900, 5000, 60), sounds(0, 5000)]);
    let made = segment(SegmenterOptions::default(), events);
    assert_eq!(flags(&made)[0], (900, 2000, false, true));
    assert_eq!(read(&made)[0].maps, [[VIDEO, AUDIO]]);
}

#[test]
fn a_vanished_track_leaves_the_map_and_may_come_back() {
    let audio = mixed(&[pictures(0, 16_000, 60), sounds(0, 3000), sounds(9000, 16_000)]);
    let made = segment(SegmenterOptions::default(), audio);
    let maps: Vec<_> = read(&made).iter().map(|stream| stream.maps[0].len()).collect();
    assert_eq!(maps, [2, 2, 2, 1, 1, 2, 2, 2]);
    let breaks: Vec<_> = made.segments().iter().map(|segment| segment.discontinuity).collect();
    assert_eq!(breaks, [false, false, false, true, false, true, false, false]);

    let video = mixed(&[pictures(0, 3000, 60), pictures(14_000, 16_000, 60), sounds(0, 16_000)]);
    let made = segment(SegmenterOptions::default(), video);
    let maps: Vec<_> = read(&made).into_iter().map(|stream| stream.maps[0].clone()).collect();
    assert!(maps.contains(&vec![AUDIO]) && maps.last() == Some(&vec![VIDEO, AUDIO]), "{maps:x?}");
    assert!(made.segments().iter().all(|s| s.duration < MediaDuration::from_millis(2500)));
}

#[test]
fn another_picture_format_is_a_discontinuity() {
    let other_sps = [0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9];
    let mut events = mixed(&[pictures(0, 5000, 60), sounds(0, 5000)]);
    let extradata = annex_b(&[&other_sps, PPS]);
    events.push(MediaEvent::Video(video_config(&extradata, Some(RATE))));
    for event in mixed(&[pictures(5000, 8000, 60), sounds(5000, 8000)]).drain(2..) {
        let MediaEvent::Packet(mut packet) = event else { continue };
        // Without parameter sets of its own: those of the configuration hold.
        if packet.track == Track::Video && packet.is_keyframe {
            packet.data = annex_b(&[&[0x65, 1, 2, 3]]).into();
        }
        events.push(MediaEvent::Packet(packet));
    }
    // The same again changes nothing.
    let again: Vec<_> = events
        .iter()
        .flat_map(|event| match event {
            MediaEvent::Packet(_) => vec![event.clone()],
            config => vec![config.clone(), config.clone()],
        })
        .collect();
    for events in [events, again] {
        let made = segment(SegmenterOptions::default(), events);
        assert_eq!(
            flags(&made),
            [
                (0, 2000, false, true),
                (2000, 2000, false, true),
                (4000, 1000, false, true),
                (5000, 2000, true, true),
                (7000, 1000, false, true)
            ]
        );
        assert!(read(&made)[3].pes[0].data.starts_with(&annex_b(&[&[9, 0xF0], &other_sps, PPS, &[0x65]])));
    }
}

#[test]
fn another_sample_rate_is_a_discontinuity() {
    let mut events = mixed(&[pictures(0, 3000, 60), sounds(0, 3000)]);
    events.push(MediaEvent::Audio(audio_config(44_100)));
    events.extend(mixed(&[pictures(3000, 8000, 30), sounds(3000, 8000)]).drain(2..));
    let made = segment(SegmenterOptions::default(), events);
    let breaks: Vec<_> = flags(&made).iter().map(|flags| (flags.0, flags.2)).collect();
    assert_eq!(breaks[..3], [(0, false), (2000, false), (3000, true)]);
    assert!(breaks[3..].iter().all(|(_, discontinuity)| !discontinuity));
    let rate = |stream: &Stream| stream.pes.iter().find(|pes| pes.pid == AUDIO).unwrap().data[2] >> 2 & 0xF;
    assert_eq!(read(&made).iter().map(rate).take(3).collect::<Vec<_>>(), [3, 3, 4]);
}

#[test]
fn a_track_that_never_cuts_is_cut_at_the_bounds() {
    let made = segment(SegmenterOptions::default(), mixed(&[pictures(0, 10_000, 1000), sounds(0, 10_000)]));
    let found = flags(&made);
    assert!(found[0].3 && found[1..].iter().all(|flags| !flags.3), "{found:?}");
    assert!(found.iter().all(|flags| flags.1 < 2500 && !flags.2), "{found:?}");

    let options = SegmenterOptions { max_segment_bytes: 100_000, ..SegmenterOptions::default() };
    let made = segment(options, mixed(&[pictures(0, 4000, 1000), sounds(0, 4000)]));
    assert!(made.segments().len() > 3);
    assert!(made.segments().iter().all(|segment| segment.data.len() <= 100_000));
    read(&made);
}

#[test]
fn a_gap_is_a_discontinuity_and_no_long_segment() {
    for gap in [3000, 60_000, 95_443_718] {
        let events = [pictures(0, 3000, 60), pictures(3000 + gap, 6000 + gap, 60)];
        let made = segment(SegmenterOptions::default(), packets(&mixed(&events), Track::Video));
        assert_eq!(
            flags(&made),
            [
                (0, 2000, false, true),
                (2000, 1000, false, true),
                (3000 + gap, 2000, true, true),
                (5000 + gap, 1000, false, true)
            ]
        );
        read(&made);
    }
}

#[test]
fn pictures_that_become_rare_do_not_end_a_segment_before_its_key_frame() {
    let shown = [0, 400, 1100, 1800, 2000, 2700, 3400, 4000, 4033];
    let pictures = shown.map(|ms| MediaEvent::Packet(picture(at(ms), ms % 2000 == 0, 3000)));
    let part_target = Some(MediaDuration::from_millis(200));
    let options = SegmenterOptions { part_target, ..SegmenterOptions::default() };
    let made = segment(options, mixed(&[pictures.to_vec(), sounds(0, 4066)]));
    let flags = flags(&made);
    assert_eq!(flags[..2], [(0, 2000, false, true), (2000, 2000, false, true)]);
    assert_eq!((flags.len(), flags[2].0, flags[2].3), (3, 4000, true));
    for segment in made.segments() {
        let parts: MediaDuration = segment.parts.iter().map(|part| part.duration).sum();
        assert_eq!(parts, segment.duration);
        assert!(segment.parts.iter().all(|part| part.duration <= MediaDuration::from_millis(200)));
    }
}

#[test]
fn marking_a_discontinuity_cuts_at_the_next_key_frame() {
    let mut segmenter = hls_mux::Segmenter::new(SegmenterOptions::default(), Default::default(), epoch());
    let mut made = Made::default();
    for event in mixed(&[pictures(0, 6000, 30), sounds(0, 6000)]) {
        if matches!(&event, MediaEvent::Packet(packet) if packet.dts == at(4500)) {
            segmenter.mark_discontinuity();
        }
        segmenter.push(event, &mut |output| made.outputs.push(output)).unwrap();
    }
    assert_eq!(segmenter.codecs(), "avc1.64001f,mp4a.40.2");
    assert_eq!(segmenter.dropped_packets(), 0);
    segmenter.finish(&mut |output| made.outputs.push(output));
    let breaks: Vec<_> = made.segments().iter().filter(|s| s.discontinuity).map(|s| s.start).collect();
    assert_eq!(breaks, [at(5000)]);
}

#[test]
fn unusable_events_are_named_and_left_out() {
    let mut events = mixed(&[pictures(0, 4000, 60), sounds(0, 4000)]);
    let early = MediaEvent::Packet(picture(at(0), true, 100));
    let mut hevc = video_config(&[], None);
    hevc.codec = VideoCodec::Hevc;
    let shown_early = Packet { dts: at(3999) + FRAME, ..picture(at(3999), false, 100) };
    let huge = Packet { data: vec![0; 17 << 20].into(), ..picture(at(4500), false, 100) };
    events.insert(0, early.clone());
    events.extend([
        early,
        MediaEvent::Packet(shown_early),
        MediaEvent::Packet(huge),
        MediaEvent::Video(hevc),
    ]);
    let made = segment(SegmenterOptions::default(), events);
    let [no_config, backwards, shown, large, codec] = &made.errors[..] else { panic!("{:?}", made.errors) };
    assert!(matches!(no_config, Error::NoConfig { track: Track::Video, .. }), "{no_config}");
    assert!(matches!(backwards, Error::Backwards { track: Track::Video, .. }), "{backwards}");
    assert!(matches!(shown, Error::ShownBeforeDecoded { .. }), "{shown}");
    assert!(matches!(large, Error::TooLarge { limit: 16_777_216, .. }), "{large}");
    assert!(matches!(codec, Error::UnsupportedVideo(VideoCodec::Hevc)), "{codec}");
    assert_eq!(flags(&made), [(0, 2000, false, true), (2000, 2000, false, true)]);
}

#[test]
fn nothing_in_gives_nothing_out() {
    assert!(segment(SegmenterOptions::default(), []).outputs.is_empty());
    let no_key: Vec<_> = mixed(&[pictures(0, 5000, 60)])
        .into_iter()
        .filter(|event| !matches!(event, MediaEvent::Packet(packet) if packet.is_keyframe))
        .collect();
    assert!(segment(SegmenterOptions::default(), no_key).outputs.is_empty());
}

//! Every version of a playlist with parts keeps the rules of RFC 8216bis, whatever is broadcast.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use hls_mux::playlist::{Entry, LowLatencyPlaylist, MediaPlaylist};
use hls_mux::{Output, Part, SegmenterOptions, part_name, segment_name};
use media::{FrameRate, MediaDuration, MediaEvent, Packet, Timestamp, Track};
use proptest::prelude::*;
use support::media_source::programme;
use support::segment;

/// Every version of the playlist of a broadcast, and what it is a version of.
struct Versions {
    texts: Vec<(String, Option<String>)>,
    parts: Vec<Part>,
}

fn publish(outputs: &[Output], window: usize) -> Versions {
    let mut playlist = LowLatencyPlaylist::new(MediaPlaylist::new(MediaDuration::from_secs(2), window));
    let mut versions = Versions { texts: Vec::new(), parts: Vec::new() };
    for output in outputs {
        match output {
            Output::Part(part) => {
                playlist.push_part(part);
                versions.parts.push(part.clone());
            }
            Output::Segment(segment) => {
                playlist.push(Entry::new(segment, segment_name(segment.sequence)));
            }
        }
        // A segment comes at once after its last part: nobody sees the one without the other.
        let is_seen = !matches!(output, Output::Part(part) if part.is_last);
        if is_seen && playlist.segments().entries().len() > 0 {
            versions.texts.push((playlist.render(), playlist.render_delta()));
        }
    }
    playlist.set_ended();
    versions.texts.push((playlist.render(), playlist.render_delta()));
    versions
}

/// A playlist as a reader of lines understands it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Read {
    media_sequence: u64,
    part_target: f64,
    hold_back: f64,
    skip_until: f64,
    skipped: usize,
    /// Each with its tags and parts; the last may be without a URI: it is in hand.
    segments: Vec<ReadSegment>,
    hint: Option<String>,
    ended: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ReadSegment {
    tags: Vec<String>,
    parts: Vec<(f64, String, bool)>,
    duration: Option<f64>,
    uri: Option<String>,
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, list) = line.split_once(':')?;
    list.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(|v| v.trim_matches('"'))
}

fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut open = ReadSegment::default();
    let number = |line: &str, name: &str| attribute(line, name).unwrap().parse::<f64>().unwrap();
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            read.media_sequence = value.parse().unwrap();
        } else if line.starts_with("#EXT-X-SERVER-CONTROL:") {
            assert_eq!(attribute(line, "CAN-BLOCK-RELOAD"), Some("YES"));
            (read.hold_back, read.skip_until) =
                (number(line, "PART-HOLD-BACK"), number(line, "CAN-SKIP-UNTIL"));
        } else if line.starts_with("#EXT-X-PART-INF:") {
            read.part_target = number(line, "PART-TARGET");
        } else if line.starts_with("#EXT-X-SKIP:") {
            read.skipped = number(line, "SKIPPED-SEGMENTS") as usize;
        } else if line.starts_with("#EXT-X-PART:") {
            let uri = attribute(line, "URI").unwrap().to_owned();
            open.parts.push((number(line, "DURATION"), uri, attribute(line, "INDEPENDENT") == Some("YES")));
        } else if line == "#EXT-X-DISCONTINUITY" || line.starts_with("#EXT-X-PROGRAM-DATE-TIME") {
            assert!(open.parts.is_empty(), "a segment's tags come before its parts:\n{text}");
            open.tags.push(line.to_owned());
        } else if let Some(value) = line.strip_prefix("#EXTINF:") {
            open.duration = Some(value.trim_end_matches(',').parse().unwrap());
        } else if line.starts_with("#EXT-X-PRELOAD-HINT:") {
            assert_eq!(attribute(line, "TYPE"), Some("PART"));
            assert!(read.hint.replace(attribute(line, "URI").unwrap().to_owned()).is_none(), "{text}");
        } else if line == "#EXT-X-ENDLIST" {
            read.ended = true;
        } else if !line.starts_with('#') {
            open.uri = Some(line.to_owned());
            read.segments.push(std::mem::take(&mut open));
        }
    }
    if open != ReadSegment::default() {
        read.segments.push(open);
    }
    read
}

fn check_version(text: &str) -> Read {
    let read = read(text);
    let known = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
    assert_eq!(known.version, Some(9));
    assert_eq!(known.media_sequence, read.media_sequence);
    assert_eq!(known.end_list, read.ended);
    assert!(known.independent_segments);
    assert!(read.hold_back >= 3.0 * read.part_target, "{text}");
    assert!(read.skip_until >= 6.0 * known.target_duration as f64, "{text}");
    assert_eq!((read.skipped, read.hint.is_none()), (0, read.ended), "{text}");
    let far = 3.0 * known.target_duration as f64;
    let length: f64 = read.segments.iter().flat_map(|s| &s.parts).map(|part| part.0).sum();
    assert!(length <= far + 1e-3, "{length} s of parts:\n{text}");
    for (index, segment) in read.segments.iter().enumerate() {
        let is_open = segment.uri.is_none();
        assert!(!is_open || index + 1 == read.segments.len() && !read.ended, "{text}");
        assert!(segment.tags.iter().any(|tag| tag.starts_with("#EXT-X-PROGRAM-DATE-TIME")), "{text}");
        let sequence = read.media_sequence + index as u64;
        for (number, part) in segment.parts.iter().enumerate() {
            assert_eq!(part.1, format!("segment_{sequence:03}.part_{number}.ts"), "{text}");
            assert!(part.0 <= read.part_target, "{text}");
            let is_last = !is_open && number + 1 == segment.parts.len();
            assert!(is_last || part.0 >= 0.85 * read.part_target - 1e-4, "{text}");
            assert_eq!(part.2, number == 0, "INDEPENDENT is where the key frame is:\n{text}");
        }
        if let (Some(duration), false) = (segment.duration, segment.parts.is_empty()) {
            let sum: f64 = segment.parts.iter().map(|part| part.0).sum();
            assert!((duration - sum).abs() < 0.0125, "{sum}:\n{text}");
        }
    }
    read
}

/// What a delta update makes of the version before is the whole playlist.
fn check_delta(before: &Read, delta: &str, whole: &Read) {
    let delta = read(delta);
    assert!(delta.skipped > 0);
    let shift = (delta.media_sequence - before.media_sequence) as usize;
    let known: Vec<_> = before.segments[shift..shift + delta.skipped].to_vec();
    assert!(known.iter().all(|segment| segment.uri.is_some()));
    // Old parts may leave the list between the versions; a skipped segment is past having any.
    let bare = |segment: &ReadSegment| ReadSegment { parts: Vec::new(), ..segment.clone() };
    let merged = known.iter().map(bare).chain(delta.segments.iter().cloned()).collect();
    assert_eq!(Read { segments: merged, skipped: 0, ..delta }, *whole);
}

fn check_all(versions: &Versions) {
    let mut before: Option<Read> = None;
    for (text, delta) in &versions.texts {
        let now = check_version(text);
        if let Some(before) = &before {
            assert!(now.media_sequence >= before.media_sequence);
            assert_eq!((now.part_target, now.hold_back), (before.part_target, before.hold_back));
            if let Some(delta) = delta {
                check_delta(before, delta, &now);
            }
        }
        before = Some(now);
    }
}

fn rates() -> impl Strategy<Value = FrameRate> {
    prop_oneof![
        prop::sample::select(vec![24, 25, 30, 48, 50, 60]).prop_map(|num| FrameRate { num, den: 1 }),
        prop::sample::select(vec![24_000, 30_000, 60_000]).prop_map(|num| FrameRate { num, den: 1001 }),
    ]
}

/// RTMP's timestamps are whole milliseconds.
fn in_millis(events: Vec<MediaEvent>) -> Vec<MediaEvent> {
    let round = |at: Timestamp| Timestamp::from_millis(at.since_origin().as_millis());
    let event = |event| match event {
        MediaEvent::Packet(packet) if packet.track == Track::Video => {
            MediaEvent::Packet(Packet { pts: round(packet.pts), dts: round(packet.dts), ..packet })
        }
        other => other,
    };
    events.into_iter().map(event).collect()
}

fn options(rate: FrameRate, part: i64) -> SegmenterOptions {
    let part_target = Some(SegmenterOptions::part_target(MediaDuration::from_millis(part), rate));
    SegmenterOptions { part_target, ..SegmenterOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_version_keeps_the_rules(
        rate in rates(),
        part in prop::sample::select(vec![100_i64, 150, 200, 333, 500, 1000]),
        window in 3_usize..20,
        seconds in 5_i64..40,
        whole_millis in any::<bool>(),
    ) {
        let events = programme(Timestamp::ZERO, seconds, rate, 48_000);
        let events = if whole_millis { in_millis(events) } else { events };
        let made = segment(options(rate, part), events);
        let versions = publish(&made.outputs, window);
        // At least one with each segment.
        prop_assert!(versions.texts.len() as i64 >= seconds / 2);
        check_all(&versions);
    }
}

#[test]
fn the_hint_names_the_next_part() {
    let rate = FrameRate { num: 30, den: 1 };
    let made = segment(options(rate, 200), programme(Timestamp::ZERO, 12, rate, 48_000));
    let versions = publish(&made.outputs, 6);
    let mut hinted = None;
    let mut seen = 0;
    for (text, _) in &versions.texts[..versions.texts.len() - 1] {
        let newest = read(text).segments.iter().flat_map(|s| &s.parts).next_back().cloned();
        if let (Some(newest), Some(hint)) = (newest, hinted.take())
            && newest.1 != hint
        {
            assert!(read(text).hint == Some(hint), "only a segment's end changes nothing:\n{text}");
            seen += 1;
        }
        hinted = read(text).hint;
    }
    assert_eq!(seen, 5, "once for each segment that ends after its last part");
}

#[test]
fn a_delta_skips_what_is_further_than_six_targets_from_the_end() {
    let rate = FrameRate { num: 30, den: 1 };
    let made = segment(options(rate, 200), programme(Timestamp::ZERO, 40, rate, 48_000));
    let versions = publish(&made.outputs, 12);
    let (_, delta) = &versions.texts[versions.texts.len() - 3];
    let delta = read(delta.as_deref().unwrap());
    let kept: f64 = delta.segments.iter().filter_map(|segment| segment.duration).sum();
    assert!((12.0..=14.0).contains(&kept), "{delta:?}");
    assert!(versions.texts[0].1.is_none() && versions.texts.last().unwrap().1.is_none());
}

#[test]
fn without_parts_it_is_the_plain_playlist_that_can_be_waited_for() {
    let rate = FrameRate { num: 30, den: 1 };
    let made = segment(options(rate, 200), programme(Timestamp::ZERO, 9, rate, 48_000));
    let plain = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
    let (mut plain, mut parts) = (plain.clone(), LowLatencyPlaylist::new(plain));
    for output in &made.outputs {
        match output {
            Output::Part(part) => parts.push_part(part),
            Output::Segment(segment) => {
                let entry = Entry::new(segment, segment_name(segment.sequence));
                plain.push(entry.clone());
                parts.push(entry);
            }
        }
    }
    let control = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n";
    let text = parts.render_plain();
    assert!(text.contains(control), "{text}");
    assert_eq!(text.replace(control, "").replace("VERSION:9", "VERSION:3"), plain.render());
}

#[test]
fn a_discontinuity_comes_before_its_first_part() {
    let rate = FrameRate { num: 30, den: 1 };
    let mut events = programme(Timestamp::ZERO, 5, rate, 48_000);
    events.extend(programme(Timestamp::from_millis(9000), 5, rate, 48_000));
    let made = segment(options(rate, 200), events);
    let versions = publish(&made.outputs, 6);
    let broken = versions.parts.iter().find(|part| part.discontinuity).unwrap();
    assert_eq!(broken.index, 0);
    let name = part_name(broken.sequence, 0);
    let (text, _) = versions.texts.iter().find(|(text, _)| text.contains(&format!("{name}\",IND"))).unwrap();
    let before = text.split(&format!("#EXT-X-PART:DURATION=0.200000,URI=\"{name}\"")).next().unwrap();
    let tags: Vec<_> = before.lines().rev().take(2).collect();
    assert!(tags[0].starts_with("#EXT-X-PROGRAM-DATE-TIME:") && tags[1] == "#EXT-X-DISCONTINUITY", "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:0"), "{text}");
}

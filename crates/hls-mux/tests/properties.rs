//! Whatever is pushed, in any shape: the rules of transport streams, parts and playlists hold.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::{SegmentReader, SegmenterOptions, segment_name};
use media::{FrameRate, MediaDuration, MediaEvent, Packet, Timestamp, Track};
use proptest::collection::vec;
use proptest::prelude::*;
use support::media_source::{audio_config, picture, sound, video_config};
use support::ts_reader::Reader;
use support::{Made, segment};

/// A broadcast to make up.
#[derive(Clone, Debug)]
struct Plan {
    start: i64,
    seconds: i64,
    rate: FrameRate,
    knows_rate: bool,
    /// Milliseconds from one key frame to the next, over and over.
    gops: Vec<i64>,
    sizes: Vec<usize>,
    sample_rate: u32,
    /// When the first audio frame comes and how much its timestamps are off, in milliseconds.
    audio_late: i64,
    skew: i64,
    whole_millis: bool,
    part_millis: Option<i64>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let rates = prop_oneof![
        (10_u32..=60).prop_map(|num| FrameRate { num, den: 1 }),
        prop::sample::select(vec![24_000, 30_000, 60_000]).prop_map(|num| FrameRate { num, den: 1001 }),
    ];
    // Some start so that the 33-bit clock wraps on the way.
    let starts = prop_oneof![-100_000_i64..1_000_000_000, Just((1 << 33) - 900_000 - 300_000)];
    let gops = prop_oneof![Just(vec![2000]), vec(40_i64..6000, 1..6)];
    let audio =
        (prop::sample::select(vec![8000, 16_000, 32_000, 44_100, 48_000]), 0_i64..4000, -250_i64..250);
    let parts = prop::option::of(prop::sample::select(vec![100, 200, 333, 500, 1000]));
    (starts, 3_i64..9, (rates, any::<bool>()), gops, vec(2_usize..4000, 1..9), audio, any::<bool>(), parts)
        .prop_map(
            |(
                start,
                seconds,
                (rate, knows_rate),
                gops,
                sizes,
                (sample_rate, late, skew),
                whole_millis,
                part_millis,
            )| {
                let audio_late = if late < 2000 { 0 } else { late - 2000 };
                Plan {
                    start,
                    seconds,
                    rate,
                    knows_rate,
                    gops,
                    sizes,
                    sample_rate,
                    audio_late,
                    skew,
                    whole_millis,
                    part_millis,
                }
            },
        )
}

impl Plan {
    fn events(&self) -> Vec<MediaEvent> {
        let start = Timestamp::from_ticks(self.start);
        let length = MediaDuration::from_secs(self.seconds);
        let shape = |after: MediaDuration| {
            start + if self.whole_millis { MediaDuration::from_millis(after.as_millis()) } else { after }
        };
        let mut packets: Vec<(MediaDuration, Packet)> = Vec::new();
        let (mut next_key, mut keys) = (MediaDuration::ZERO, 0);
        for index in 0.. {
            let after = MediaDuration::from_samples(index * i64::from(self.rate.den), self.rate.num);
            if after >= length {
                break;
            }
            let is_key = after >= next_key;
            if is_key {
                next_key = after + MediaDuration::from_millis(self.gops[keys % self.gops.len()]);
                keys += 1;
            }
            packets
                .push((after, picture(shape(after), is_key, self.sizes[index as usize % self.sizes.len()])));
        }
        for index in 0.. {
            let after = MediaDuration::from_samples(index * 1024, self.sample_rate);
            if after >= length {
                break;
            }
            if after >= MediaDuration::from_millis(self.audio_late) {
                let at = shape(after) + MediaDuration::from_millis(self.skew);
                packets.push((after, sound(at, self.sizes[index as usize % self.sizes.len()] / 8)));
            }
        }
        packets.sort_by_key(|(after, packet)| (*after, packet.track));
        let rate = self.knows_rate.then_some(self.rate);
        let configs =
            [MediaEvent::Video(video_config(&[], rate)), MediaEvent::Audio(audio_config(self.sample_rate))];
        configs.into_iter().chain(packets.into_iter().map(|(_, packet)| MediaEvent::Packet(packet))).collect()
    }

    fn options(&self) -> SegmenterOptions {
        let target = |millis| SegmenterOptions::part_target(MediaDuration::from_millis(millis), self.rate);
        SegmenterOptions { part_target: self.part_millis.map(target), ..SegmenterOptions::default() }
    }
}

/// Counters, clock, sections, lengths, buffers: the reader checks them. All pictures pushed from the
/// first key frame on come out, once and in order.
fn check_stream(made: &Made, events: &[MediaEvent]) {
    let mut reader = Reader::default();
    let mut shown = Vec::new();
    for segment in made.segments() {
        let stream = reader.read(&segment.data);
        assert_eq!(stream.maps.len(), 1);
        let video: Vec<_> = stream.pes.iter().filter(|pes| pes.pid == 0x100).collect();
        assert!(segment.independent == video[0].is_random_access, "{}", segment.sequence);
        shown.extend(video.iter().map(|pes| pes.pts));
    }
    let wire = |at: Timestamp| (at.ticks() + 900_000).rem_euclid(1 << 33) as u64;
    let pushed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            MediaEvent::Packet(packet) if packet.track == Track::Video => Some(wire(packet.pts)),
            _ => None,
        })
        .collect();
    assert_eq!(shown, pushed);
}

/// What is read back is what another reader finds on the wire: each access unit, with its times.
fn check_reading(made: &Made) {
    let (mut reader, mut other) = (SegmentReader::new(), Reader::default());
    let wire = |at: Timestamp| (at.ticks() + 900_000).rem_euclid(1 << 33) as u64;
    for segment in made.segments() {
        let events = reader.read(&segment.data).unwrap();
        let of_track = |track| {
            let packets = events.iter().filter_map(move |event| match event {
                MediaEvent::Packet(packet) if packet.track == track => Some(packet),
                _ => None,
            });
            packets.collect::<Vec<_>>().into_iter()
        };
        let (mut pictures, mut sounds) = (of_track(Track::Video), of_track(Track::Audio));
        for pes in other.read(&segment.data).pes {
            if pes.pid == 0x100 {
                let read = pictures.next().unwrap();
                assert_eq!(
                    (wire(read.pts), wire(read.dts), &read.data[..]),
                    (pes.pts, pes.dts, &pes.data[..])
                );
                assert_eq!(read.is_keyframe, pes.is_random_access);
                continue;
            }
            let (mut at, mut before) = (0, None);
            assert_eq!(sounds.clone().next().map(|read| wire(read.pts)), Some(pes.pts));
            while at < pes.data.len() {
                let read = sounds.next().unwrap();
                assert!(before.replace(read.pts) < Some(read.pts), "{}", read.pts);
                at += 7 + read.data.len();
                assert_eq!(pes.data[at - read.data.len()..at], read.data);
            }
        }
        assert!(pictures.next().is_none() && sounds.next().is_none());
    }
}

fn check_timeline(made: &Made) {
    let segments = made.segments();
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 1000);
    for (index, segment) in segments.iter().enumerate() {
        assert_eq!(segment.sequence.get(), 7 + index as u64);
        assert!(segment.duration > MediaDuration::ZERO);
        assert!(segment.duration.as_secs_f64().round() <= 2.0, "{}", segment.duration);
        if let Some(next) = segments.get(index + 1) {
            assert!(next.discontinuity || segment.start + segment.duration == next.start);
        }
        playlist.push(Entry::new(segment, segment_name(segment.sequence)));
    }
    playlist.set_ended();
    let text = playlist.render();
    let listed = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
    assert_eq!(listed.segments.len(), segments.len());
    let sum: f64 = listed.segments.iter().map(|segment| f64::from(segment.duration)).sum();
    let exact: f64 = segments.iter().map(|segment| segment.duration.as_secs_f64()).sum();
    assert!((sum - exact).abs() < 1e-5, "{sum} {exact}");
}

fn check_parts(made: &Made, plan: &Plan, target: MediaDuration) {
    let frame = f64::from(plan.rate.den) / f64::from(plan.rate.num);
    // Known only from timestamps of whole milliseconds, a picture's duration is that much off, and
    // a part may miss a picture that would have fit.
    let is_exact = plan.knows_rate || !plan.whole_millis;
    let least = if is_exact { 0.85 * target.as_secs_f64() } else { target.as_secs_f64() - 1.5 * frame };
    for segment in made.segments() {
        let joined: Vec<u8> = segment.parts.iter().flat_map(|part| part.data.to_vec()).collect();
        assert_eq!(joined, segment.data);
        let sum: MediaDuration = segment.parts.iter().map(|part| part.duration).sum();
        assert!((segment.duration - sum).abs().as_millis() <= 12, "{} {sum}", segment.duration);
        for (index, part) in segment.parts.iter().enumerate() {
            assert!(part.duration <= target);
            assert_eq!((part.index as usize, part.sequence), (index, segment.sequence));
            let is_last = index + 1 == segment.parts.len();
            assert!(is_last || part.duration.as_secs_f64() >= least - 1e-4, "{} {target}", part.duration);
        }
    }
    let published: Vec<_> = made.parts().into_iter().cloned().collect();
    let kept: Vec<_> = made.segments().into_iter().flat_map(|segment| segment.parts.clone()).collect();
    assert_eq!(published, kept);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_for_any_programme(plan in plans()) {
        let events = plan.events();
        let options = plan.options();
        let made = segment(options.clone(), events.clone());
        prop_assert!(made.errors.is_empty(), "{:?}", made.errors);
        check_stream(&made, &events);
        check_reading(&made);
        check_timeline(&made);
        if let Some(target) = options.part_target {
            check_parts(&made, &plan, target);
        }
    }

    /// Times and flags of any kind: errors, but no panic, no endless segment, no broken counters.
    #[test]
    fn hostile_times_are_survived(
        packets in vec((any::<bool>(), any::<bool>(), hostile_times(), 0_i64..500_000, 0_usize..3000), 0..120),
        parts in any::<bool>(),
    ) {
        let part_target = parts.then_some(MediaDuration::from_millis(200));
        let configs = [MediaEvent::Video(video_config(&[], None)), MediaEvent::Audio(audio_config(44_100))];
        let mut dts = Timestamp::ZERO;
        let packets = packets.into_iter().map(|(is_video, is_key, step, offset, size)| {
            dts += MediaDuration::from_ticks(step);
            let packet = if is_video { picture(dts, is_key, size) } else { sound(dts, size) };
            MediaEvent::Packet(Packet { pts: dts + MediaDuration::from_ticks(offset), ..packet })
        });
        let events: Vec<_> = configs.into_iter().chain(packets).collect();
        let made = segment(SegmenterOptions { part_target, ..SegmenterOptions::default() }, events);
        for segment in made.segments() {
            // Media time stands still at its very end.
            let is_end = segment.start.ticks() > i64::MAX - 1_000_000;
            prop_assert!(segment.duration > MediaDuration::ZERO || is_end);
            prop_assert!(segment.duration <= MediaDuration::from_millis(2490));
            for part in &segment.parts {
                prop_assert!(part.duration <= MediaDuration::from_millis(200));
            }
        }
    }
}

fn hostile_times() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1_i64..10_000, 2 => -100_000_i64..1_000_000, 1 => any::<i64>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        length in any::<prop::sample::Index>(),
    ) {
        let events = support::media_source::programme(Timestamp::ZERO, 1, FrameRate { num: 10, den: 1 }, 48_000);
        let made = segment(SegmenterOptions::default(), events);
        let mut bytes = made.stream();
        for (index, byte) in damage {
            *index.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        let _ = SegmentReader::new().read(&bytes);
    }
}

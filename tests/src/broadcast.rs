//! What a finished broadcast must be, whoever published it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Probe, Recording, Version, continuity_errors, decode_warnings, nal_types, probe};

/// What a broadcast is expected to hold.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The picture, if there is one.
    pub picture: Option<Picture>,
    /// Whether there is sound.
    pub sound: bool,
    /// At least so many segments.
    pub segments: usize,
}

/// What a picture is expected to be.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Pictures in a second.
    pub fps: f64,
}

/// Ticks of the transport stream's clock in a second.
const TICKS: f64 = 90_000.0;
/// EXTINF may be printed with milliseconds.
const PRINTED: f64 = 0.001;
/// Length of a segment in seconds.
const SEGMENT: f64 = 2.0;

/// Asserts that a recording is one whole broadcast as [`Expected`]: the codecs and size, segments
/// of 2 s that begin with an IDR picture, exact EXTINF, and a transport stream without a fault.
pub async fn assert_broadcast(recording: &Recording, expected: Expected) {
    let segments = &recording.segments;
    assert!(segments.len() >= expected.segments, "{} segments; expected {expected:?}", segments.len());
    let mut probes = Vec::new();
    for segment in segments {
        let found = probe(&segment.media).await;
        let name = &segment.entry.uri;
        assert_streams(name, &found, expected);
        if expected.picture.is_some() {
            assert!(found.packets("video")[0].flags.contains('K'), "{name} starts without a keyframe");
            let nals = nal_types(&segment.media).await;
            assert_eq!(nals[..3], [9, 7, 8], "{name} starts with AUD, SPS, PPS, not {nals:?}");
            assert_eq!(
                nals.iter().find(|&&nal| nal != 6 && nal < 7),
                Some(&5),
                "{name}: an IDR, not {nals:?}"
            );
        }
        probes.push(found);
    }
    assert_durations(recording, &probes, expected);
    assert_timestamps(&probes, expected);
    let whole = recording.concatenated();
    assert_eq!(continuity_errors(&whole).await, 0, "continuity counters");
    assert_eq!(decode_warnings(&whole).await, "", "ffmpeg decodes the whole broadcast");
}

fn assert_streams(name: &str, found: &Probe, expected: Expected) {
    let streams: Vec<_> = found.streams.iter().map(|stream| stream.codec_name.as_str()).collect();
    let count = usize::from(expected.picture.is_some()) + usize::from(expected.sound);
    assert_eq!(streams.len(), count, "{name} has {streams:?}; expected {expected:?}");
    if let Some(picture) = expected.picture {
        let video = found.stream("video").expect("counted");
        assert_eq!(video.codec_name, "h264", "{name}");
        assert_eq!((video.width, video.height), (picture.width, picture.height), "{name}");
        let pixel = video.sample_aspect_ratio.as_deref();
        assert!(matches!(pixel, None | Some("1:1" | "0:1")), "{name}: pixels are {pixel:?}");
    }
    if expected.sound {
        let audio = found.stream("audio").expect("counted");
        assert_eq!((audio.codec_name.as_str(), audio.profile.as_str()), ("aac", "LC"), "{name}");
        assert_eq!((audio.sample_rate.as_str(), audio.channels), ("48000", 2), "{name}");
    }
}

/// Each segment but the last is 2 s long within a frame, and EXTINF says exactly how long.
fn assert_durations(recording: &Recording, probes: &[Probe], expected: Expected) {
    let (track, frame) = expected.picture.map_or(("audio", 1024.0 / 48_000.0), |p| ("video", 1.0 / p.fps));
    let starts: Vec<f64> = probes.iter().map(|probe| probe.packets(track)[0].pts as f64 / TICKS).collect();
    for ((start, next), segment) in starts.iter().zip(&starts[1..]).zip(&recording.segments) {
        let (length, entry) = (next - start, &segment.entry);
        assert!((length - SEGMENT).abs() <= frame + PRINTED, "{} is {length} s long", entry.uri);
        assert!(
            (length - entry.duration).abs() <= PRINTED,
            "{}: {length} s, EXTINF {}",
            entry.uri,
            entry.duration
        );
    }
}

/// Across all segments, decoding time moves forward and no frame of sound is missing or doubled.
fn assert_timestamps(probes: &[Probe], expected: Expected) {
    for track in ["video", "audio"] {
        let packets: Vec<_> = probes.iter().flat_map(|probe| probe.packets(track)).collect();
        for pair in packets.windows(2) {
            assert!(pair[1].dts > pair[0].dts, "{track}: {} comes after {}", pair[1].dts, pair[0].dts);
            let step = pair[1].pts - pair[0].pts;
            let whole = track == "video" || (step - 1920).abs() <= 1;
            assert!(whole || !expected.sound, "audio: a step of {step} ticks at {}", pair[0].pts);
        }
    }
}

/// Asserts that a multivariant playlist names one variant that is as its segments are.
pub fn assert_multivariant(text: &str, recording: &Recording, picture: Option<Picture>) {
    let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes())
        .unwrap_or_else(|error| panic!("multivariant playlist: {error}\n{text}"));
    let [variant] = playlist.variants.as_slice() else { panic!("one variant:\n{text}") };
    assert_eq!(variant.uri, "index.m3u8", "{text}");
    assert!(playlist.independent_segments, "EXT-X-INDEPENDENT-SEGMENTS:\n{text}");
    let codecs = variant.codecs.as_deref().unwrap_or_default();
    assert!(codecs.contains("mp4a.40.2"), "CODECS: {text}");
    if let Some(picture) = picture {
        assert!(codecs.contains("avc1."), "CODECS: {text}");
        let size = variant.resolution.map(|size| (size.width, size.height));
        assert_eq!(size, Some((u64::from(picture.width), u64::from(picture.height))), "RESOLUTION: {text}");
        let fps = variant.frame_rate.unwrap_or_default();
        assert!((fps - picture.fps).abs() < 0.01, "FRAME-RATE: {text}");
    }
    let average = variant.average_bandwidth.unwrap_or_else(|| panic!("AVERAGE-BANDWIDTH:\n{text}"));
    assert!(average <= variant.bandwidth, "{text}");
    let peak = recording.segments.iter().map(|s| s.media.len() as f64 * 8.0 / s.entry.duration);
    let peak = peak.fold(0.0, f64::max);
    assert!(peak <= variant.bandwidth as f64 * 1.25, "a segment has {peak} bit/s:\n{text}");
}

impl Recording {
    /// All segments, one after the other.
    pub fn concatenated(&self) -> Vec<u8> {
        self.segments.iter().flat_map(|segment| &segment.media).copied().collect()
    }

    /// Asserts that nothing in it is missing or begins anew, and that one decoder takes all of it without a word.
    pub async fn assert_seamless(&self) {
        for segment in &self.segments {
            assert!(!segment.entry.gap && !segment.entry.discontinuity, "{:?}", segment.entry);
        }
        let whole = self.concatenated();
        assert_eq!(continuity_errors(&whole).await, 0);
        assert_eq!(decode_warnings(&whole).await, "");
    }

    /// Asserts that both saw the same segments, byte for byte, wherever both saw them.
    pub fn assert_same_media(&self, other: &Self) {
        let ours: BTreeMap<_, _> = self.segments.iter().map(|s| (s.entry.msn, s)).collect();
        let both = other.segments.iter().filter(|s| ours.contains_key(&s.entry.msn));
        let mut count = 0;
        for theirs in both {
            assert!(ours[&theirs.entry.msn].media == theirs.media, "{} differs", theirs.entry.uri);
            count += 1;
        }
        assert!(count > 0, "no segment was seen in both places");
    }

    /// Asserts that a new segment was listed at least this often.
    pub fn assert_steady(&self, limit: Duration) {
        for pair in self.segments.windows(2) {
            let gap = pair[1].listed.duration_since(pair[0].listed);
            assert!(gap <= limit, "{} was listed {gap:?} after the one before", pair[1].entry.uri);
        }
    }

    /// Asserts that each update with a new segment came when RFC 8216 §6.2.1 asks for it. Only of the origin's playlist, since
    /// a bucket's waits for the store; of segments of two seconds, since a publisher that falls silent is waited for for one;
    /// and in scenarios that leave the server the time that it needs.
    pub fn assert_paced(&self) {
        let updates = self.updates();
        let wrong: Vec<_> = updates.iter().filter(|(least, most)| *least > 1.5 || *most < 0.5).collect();
        assert!(
            wrong.is_empty(),
            "after so many target durations, at least and at most: {wrong:?} of {updates:?}"
        );
    }

    /// How long each update with a new segment took, in target durations: at least, and at most, as a reader knows when a
    /// version was there, and when it wasn't yet. RFC 8216 §6.2.1 asks for 0.5 to 1.5; a machine that is short of time
    /// can't keep that.
    pub fn updates(&self) -> Vec<(f64, f64)> {
        let newer = |pair: &&[Version]| pair[1].next_msn() > pair[0].next_msn() && !pair[1].ended;
        let new: Vec<_> = self.versions.windows(2).filter(newer).map(|pair| &pair[1]).collect();
        let updates = new.windows(2).map(|pair| {
            let target = pair[0].target_duration as f64;
            let least = pair[1].after.saturating_duration_since(pair[0].at).as_secs_f64();
            (least / target, (pair[1].at - pair[0].after).as_secs_f64() / target)
        });
        updates.collect()
    }
}

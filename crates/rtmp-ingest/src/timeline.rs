//! RTMP's 32-bit milliseconds to the 90 kHz clock: wrap and jump policy.
//!
//! The origin is the first packet of the publish. Audio and video share it, and share one offset
//! between the publisher's clock and ours, so that they stay as far apart as the publisher says.
//! A track that starts a little earlier than the first packet gets negative timestamps.
//!
//! - **Wrap.** A timestamp is taken for the one nearest to its track's last, so 2^32 ms (49.7 days)
//!   pass unnoticed, and so does any starting value.
//! - **Small steps back**, up to [`MAX_STEP_BACK`]: the decode time is held at the track's last, so
//!   that it never decreases; the presentation time is kept as sent.
//! - **Gaps**, up to [`MAX_GAP`] beyond whichever track has come further: believed, since time did
//!   pass for the publisher. A track that pauses or starts late finds the other's time.
//! - **Jumps**, further back or forward than that: the publisher's clock was reset or is broken. Its
//!   packet is put right behind the track's last one (or level with the other track, if that is over
//!   a second ahead), and the offset changes so. The other track takes the new offset over as
//!   soon as that fits it better than its own: the distance between audio and video survives a jump
//!   of both, and a single wild timestamp mends itself.
//! - **Tracks whose clocks start more than [`MAX_GAP`] apart** have nothing in common: the second is
//!   put level with the first, and each then keeps its own offset.
//! - **Composition offsets** may be negative; beyond [`MAX_COMPOSITION`] either way they are ignored.

use media::{MediaDuration, Timestamp, Track};

/// How far a track's decode time may step back without being a jump.
pub const MAX_STEP_BACK: MediaDuration = MediaDuration::from_millis(500);
/// How far a track's decode time may run ahead without being a jump.
pub const MAX_GAP: MediaDuration = MediaDuration::from_secs(10);
/// How far presentation may be from decoding.
pub const MAX_COMPOSITION: MediaDuration = MediaDuration::from_secs(10);

/// A track this far behind the other is put level with it when its clock jumps.
const MAX_LAG: MediaDuration = MediaDuration::from_secs(1);
/// The longest distance of packets that is taken for a track's usual one.
const MAX_STEP: MediaDuration = MediaDuration::from_secs(1);
const DEFAULT_STEP: MediaDuration = MediaDuration::from_millis(20);
const NANOS_PER_MILLI: u32 = 1_000_000;

/// One publish's clock.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    video: Option<Clock>,
    audio: Option<Clock>,
    jumps: u64,
    held: u64,
}

/// The publisher's times of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketTime {
    /// The RTMP timestamp: when the packet is decoded, in milliseconds modulo 2^32.
    pub millis: u32,
    /// What to add for its presentation, in milliseconds.
    pub composition_millis: i32,
    /// What to add to both, in nanoseconds below a millisecond (enhanced RTMP).
    pub nanos: u32,
}

#[derive(Clone, Copy, Debug)]
struct Clock {
    /// The publisher's last timestamp, as sent and unwrapped.
    millis: u32,
    input: Timestamp,
    /// From the publisher's clock to ours.
    offset: MediaDuration,
    /// Our last decode time.
    last: Timestamp,
    /// The usual distance of packets.
    step: MediaDuration,
}

impl Timeline {
    /// A clock that hasn't started.
    pub fn new() -> Self {
        Self::default()
    }

    /// Timestamps that jumped, and composition offsets that were ignored.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// Timestamps that stepped back a little and were held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Puts a packet on the clock: its presentation and decode time. The decode times of each track
    /// never decrease.
    pub fn place(&mut self, track: Track, time: PacketTime) -> (Timestamp, Timestamp) {
        let (own, other) = match track {
            Track::Video => (self.video, self.audio),
            Track::Audio => (self.audio, self.video),
        };
        let input = unwrap_millis(own.or(other), time.millis);
        let (offset, is_jump) = choose_offset(own, other, input);
        let nanos = MediaDuration::from_samples((time.nanos % NANOS_PER_MILLI).into(), 1_000_000_000);
        let placed = input + offset + nanos;
        let dts = own.map_or(placed, |own| placed.max(own.last));

        let composition = MediaDuration::from_millis(time.composition_millis.into());
        let is_plausible = composition.abs() <= MAX_COMPOSITION;
        let pts = if is_plausible { placed + composition } else { dts };

        self.jumps += u64::from(is_jump) + u64::from(!is_plausible);
        self.held += u64::from(dts > placed);
        let step = own.map_or(DEFAULT_STEP, |own| match dts - own.last {
            step if step > MediaDuration::ZERO && step <= MAX_STEP => step,
            _ => own.step,
        });
        let clock = Clock { millis: time.millis, input, offset, last: dts, step };
        match track {
            Track::Video => self.video = Some(clock),
            Track::Audio => self.audio = Some(clock),
        }
        (pts, dts)
    }
}

/// The unwrapped time nearest to the last one that is `millis` modulo 2^32.
fn unwrap_millis(reference: Option<Clock>, millis: u32) -> Timestamp {
    match reference {
        None => Timestamp::from_millis(millis.into()),
        Some(clock) => {
            let step = millis.wrapping_sub(clock.millis).cast_signed();
            clock.input + MediaDuration::from_millis(step.into())
        }
    }
}

/// The offset that applies to a packet at `input`, and whether it took a jump to find one.
fn choose_offset(own: Option<Clock>, other: Option<Clock>, input: Timestamp) -> (MediaDuration, bool) {
    let Some(own) = own else {
        return match other {
            None => (Timestamp::ZERO - input, false),
            Some(other) if (input + other.offset - other.last).abs() <= MAX_GAP => (other.offset, false),
            Some(other) => (other.last - input, true),
        };
    };
    let latest = other.map_or(own.last, |other| own.last.max(other.last));
    let expected = own.last + own.step;
    let offset = other
        .map(|other| other.offset)
        .filter(|&offset| (input + offset - expected).abs() < (input + own.offset - expected).abs())
        .unwrap_or(own.offset);
    if (own.last - MAX_STEP_BACK..=latest + MAX_GAP).contains(&(input + offset)) {
        (offset, false)
    } else if latest - own.last > MAX_LAG {
        (latest - input, true)
    } else {
        (expected - input, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decode times, in milliseconds, of packets at these publisher's times.
    fn place(timeline: &mut Timeline, track: Track, millis: impl IntoIterator<Item = u32>) -> Vec<i64> {
        let place = |millis| timeline.place(track, PacketTime { millis, ..Default::default() }).1;
        millis.into_iter().map(place).map(|dts| dts.since_origin().as_millis()).collect()
    }

    #[test]
    fn the_clock_starts_at_any_value_and_wraps() {
        let mut timeline = Timeline::new();
        let start = u32::MAX - 50;
        let times = (0..5).map(|i| start.wrapping_add(i * 33));
        assert_eq!(place(&mut timeline, Track::Video, times), [0, 33, 66, 99, 132]);
        assert_eq!(timeline.jumps(), 0);
    }

    #[test]
    fn a_hundred_days_of_wraps_are_exact() {
        let mut timeline = Timeline::new();
        let step = 9_000u32;
        let count = 100 * 86_400_000 / u64::from(step);
        let times = (0..=count).map(|i| (i * u64::from(step)) as u32);
        let placed = place(&mut timeline, Track::Audio, times);
        assert_eq!(placed.last(), Some(&(count as i64 * i64::from(step))));
        assert_eq!(timeline.jumps(), 0);
    }

    #[test]
    fn tracks_share_the_origin() {
        let mut timeline = Timeline::new();
        assert_eq!(place(&mut timeline, Track::Video, [1000, 1040]), [0, 40]);
        assert_eq!(place(&mut timeline, Track::Audio, [980, 1001, 1043]), [-20, 1, 43]);
    }

    #[test]
    fn a_late_track_finds_the_time() {
        let mut timeline = Timeline::new();
        place(&mut timeline, Track::Video, (0..9000).map(|i| i * 40));
        assert_eq!(place(&mut timeline, Track::Audio, [360_000, 360_021]), [360_000, 360_021]);
    }

    #[test]
    fn a_paused_track_comes_back_on_time() {
        let mut timeline = Timeline::new();
        place(&mut timeline, Track::Video, [0, 40, 80]);
        place(&mut timeline, Track::Audio, (0..3000).map(|i| i * 20));
        assert_eq!(place(&mut timeline, Track::Video, [60_000, 60_040]), [60_000, 60_040]);
        assert_eq!(timeline.jumps(), 0);
    }

    #[test]
    fn small_steps_back_are_held_and_presentation_kept() {
        let mut timeline = Timeline::new();
        place(&mut timeline, Track::Video, [0, 100]);
        let time = PacketTime { millis: 60, composition_millis: 80, nanos: 0 };
        let (pts, dts) = timeline.place(Track::Video, time);
        assert_eq!((pts, dts), (Timestamp::from_millis(140), Timestamp::from_millis(100)));
        assert_eq!((timeline.held(), timeline.jumps()), (1, 0));
    }

    #[test]
    fn composition_offsets_may_be_negative_but_not_absurd() {
        let mut timeline = Timeline::new();
        let mut pts = |composition_millis| {
            timeline.place(Track::Video, PacketTime { millis: 500, composition_millis, nanos: 0 }).0
        };
        assert_eq!(pts(66), Timestamp::from_millis(66));
        assert_eq!(pts(-33), Timestamp::from_millis(-33));
        assert_eq!(pts(-8_388_608), Timestamp::ZERO);
    }

    #[test]
    fn nanoseconds_refine_both_times() {
        let mut timeline = Timeline::new();
        let time = PacketTime { millis: 7, composition_millis: 1, nanos: 500_000 };
        let (pts, dts) = timeline.place(Track::Video, time);
        assert_eq!((pts.ticks(), dts.ticks()), (135, 45));
    }

    #[test]
    fn a_jump_of_both_tracks_keeps_their_distance() {
        for jump in [60_000i64, 3_600_000, -3_600_000, -540, 10_010, 2_000_000_000] {
            let mut timeline = Timeline::new();
            let start = 10_000_000i64;
            let mut distances = Vec::new();
            for i in 0..400i64 {
                let shift = if i >= 200 { jump } else { 0 };
                let video = place(&mut timeline, Track::Video, [(start + shift + i * 33) as u32])[0];
                let audio = place(&mut timeline, Track::Audio, [(start + shift + i * 33 + 12) as u32])[0];
                distances.push(audio - video);
            }
            assert!(distances.iter().all(|&distance| distance == 12), "jump of {jump}: {distances:?}");
            assert_eq!(timeline.jumps(), 1, "jump of {jump}");
        }
    }

    #[test]
    fn a_single_wild_timestamp_mends_itself() {
        let mut timeline = Timeline::new();
        for i in 0..100 {
            let wild = if i == 50 { 4_000_000 } else { 0 };
            let audio = place(&mut timeline, Track::Audio, [i * 20 + wild])[0];
            let video = place(&mut timeline, Track::Video, [i * 20])[0];
            assert_eq!((audio, video), (i64::from(i) * 20, i64::from(i) * 20));
        }
        assert_eq!(timeline.jumps(), 1);
    }

    #[test]
    fn tracks_with_unrelated_clocks_each_run_smoothly() {
        let mut timeline = Timeline::new();
        for i in 0..1000 {
            let video = place(&mut timeline, Track::Video, [i * 40])[0];
            let audio = place(&mut timeline, Track::Audio, [3_000_000_000 + i * 40])[0];
            assert_eq!((video, audio), (i64::from(i) * 40, i64::from(i) * 40));
        }
        assert_eq!(timeline.jumps(), 1);
    }

    #[test]
    fn a_gap_of_both_is_believed() {
        let mut timeline = Timeline::new();
        assert_eq!(place(&mut timeline, Track::Video, [0, 40, 8_040]), [0, 40, 8_040]);
        assert_eq!(place(&mut timeline, Track::Audio, [20, 8_020]), [20, 8_020]);
    }

    proptest! {
        #[test]
        fn decode_times_never_decrease_and_never_leap(
            packets in prop::collection::vec((any::<bool>(), prop_oneof![any::<u32>(), 0..2000u32], any::<i32>()), 1..200),
        ) {
            let mut timeline = Timeline::new();
            let mut last: [Option<Timestamp>; 2] = [None, None];
            for (is_video, millis, composition_millis) in packets {
                let track = if is_video { Track::Video } else { Track::Audio };
                let (pts, dts) = timeline.place(track, PacketTime { millis, composition_millis, nanos: 0 });
                let latest = last.iter().flatten().max().copied().unwrap_or(Timestamp::ZERO);
                prop_assert!(dts >= last[usize::from(is_video)].unwrap_or(dts));
                prop_assert!(dts <= latest + MAX_GAP);
                prop_assert!((pts - dts).abs() <= MAX_COMPOSITION + MAX_STEP_BACK);
                last[usize::from(is_video)] = Some(dts);
            }
        }
    }
}

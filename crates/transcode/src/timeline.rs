use media::{MediaDuration, Timestamp};

/// How far a packet may stray from the newest one before it counts as a jump of the clock.
pub(crate) const JUMP: MediaDuration = MediaDuration::from_secs(10);

/// Maps a session's timestamps onto the broadcast's output time.
///
/// One offset for both tracks keeps picture and sound together. When the publisher's clock jumps,
/// a new offset goes on from the newest output time; the old one is kept beside it, since packets
/// from before the jump may still arrive on the other track.
#[derive(Debug)]
pub(crate) struct Timeline {
    offset: MediaDuration,
    former: Option<MediaDuration>,
    newest: Timestamp,
    jumps: u64,
}

impl Timeline {
    /// Output time is input time.
    pub(crate) fn new() -> Self {
        Self { offset: MediaDuration::ZERO, former: None, newest: Timestamp::ZERO, jumps: 0 }
    }

    /// A session begins: its `anchor` is shown at `at`.
    pub(crate) fn start(&mut self, anchor: Timestamp, at: Timestamp) {
        self.offset = at - anchor;
        self.former = None;
        self.newest = at;
    }

    /// What to add to the timestamps of a packet that is decoded at `dts`, so that it lands within
    /// [`JUMP`] of the newest output time. `produced` is how far the output has come.
    pub(crate) fn offset(&mut self, dts: Timestamp, produced: Timestamp) -> MediaDuration {
        self.newest = self.newest.max(produced);
        for offset in [Some(self.offset), self.former].into_iter().flatten() {
            let at = dts + offset;
            if (at - self.newest).abs() <= JUMP {
                self.newest = self.newest.max(at);
                return offset;
            }
        }
        self.jumps += 1;
        self.former = Some(self.offset);
        self.offset = self.newest - dts;
        self.offset
    }

    /// Output time goes on `by` later than the publisher's clock alone would have it.
    pub(crate) fn shift(&mut self, by: MediaDuration) {
        self.offset += by;
        self.former = self.former.map(|former| former + by);
        self.newest += by;
    }

    /// How often the publisher's clock has jumped.
    pub(crate) fn jumps(&self) -> u64 {
        self.jumps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_session_goes_on_where_the_output_stands() {
        let mut timeline = Timeline::new();
        timeline.start(at(5_000_000), at(60_000));
        assert_eq!(at(5_000_040) + timeline.offset(at(5_000_040), at(60_000)), at(60_040));
    }

    #[test]
    fn tracks_that_jump_one_after_the_other_stay_together() {
        let mut timeline = Timeline::new();
        timeline.start(at(0), at(0));
        let mut map = |ms| at(ms) + timeline.offset(at(ms), at(0));
        assert_eq!(map(1000), at(1000));
        assert_eq!(map(901_040), at(1000), "video jumps by fifteen minutes");
        assert_eq!(map(1020), at(1020), "audio from before the jump keeps its place");
        assert_eq!(map(901_060), at(1020), "and after it moves with the video");
    }

    #[test]
    fn a_clock_that_restarts_does_not_take_output_back() {
        let mut timeline = Timeline::new();
        timeline.start(at(0), at(0));
        for ms in (0..=600_000).step_by(1000) {
            timeline.offset(at(ms), at(ms));
        }
        assert_eq!(at(0) + timeline.offset(at(0), at(600_000)), at(600_000));
    }

    proptest! {
        #[test]
        fn nothing_lands_far_from_the_newest(
            anchor in -(1i64 << 40)..1 << 40,
            start in 0i64..1 << 40,
            packets in prop::collection::vec(-(1i64 << 40)..1 << 40, 1..100),
        ) {
            let mut timeline = Timeline::new();
            let start = Timestamp::from_ticks(start);
            timeline.start(Timestamp::from_ticks(anchor), start);
            let mut newest = start;
            for dts in packets.into_iter().map(Timestamp::from_ticks) {
                let mapped = dts + timeline.offset(dts, start);
                prop_assert!((mapped - newest).abs() <= JUMP);
                newest = newest.max(mapped);
            }
        }

        #[test]
        fn one_offset_serves_a_steady_clock(anchor in 0i64..1 << 40, steps in prop::collection::vec(0i64..900_000, 1..100)) {
            let mut timeline = Timeline::new();
            let mut dts = Timestamp::from_ticks(anchor);
            timeline.start(dts, Timestamp::ZERO);
            for step in steps {
                dts += MediaDuration::from_ticks(step);
                let offset = timeline.offset(dts, Timestamp::ZERO);
                prop_assert_eq!(offset.ticks(), -anchor);
            }
        }
    }
}

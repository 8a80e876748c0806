use media::{MediaDuration, Timestamp};

/// How far the clock reference is behind the decoding time of what it comes with: the time that a
/// receiver has to buffer. Audio may come so much later than video and still be in time; above 1 s
/// the system target decoder's buffers would have to hold more than they may (§2.4.2).
const LEAD: MediaDuration = MediaDuration::from_millis(500);
/// Clock references are at most 100 ms apart (§2.7.2).
const LONGEST_GAP: MediaDuration = MediaDuration::from_millis(100);
/// How far audio runs ahead of the last video before it keeps the clock going in video's place.
const STALL: MediaDuration = MediaDuration::from_millis(300);
/// A gap that isn't worth filling: what comes after it is another timeline.
const JUMP: MediaDuration = MediaDuration::from_secs(10);

/// The program clock reference, in media time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The last reference written.
    last: Option<Timestamp>,
    /// The next reference doesn't continue the last.
    restarted: bool,
}

/// A clock reference to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) at: Timestamp,
    pub(super) discontinuity: bool,
}

impl Clock {
    /// The next reference may be any.
    pub(super) fn restart(&mut self) {
        self.restarted = self.last.take().is_some();
    }

    /// A reference to write by itself before what is decoded at `dts`, so that no two are too far
    /// apart. `is_own` if it is of the track that carries the clock.
    pub(super) fn due(&self, dts: Timestamp, is_own: bool) -> Option<Timestamp> {
        let last = self.last?;
        let reached = Self::reference_at(if is_own { dts } else { dts - STALL });
        let gap = reached - last;
        (gap > LONGEST_GAP && gap < JUMP).then_some(last + LONGEST_GAP)
    }

    /// The reference that goes with what is decoded at `dts`; none if it would stand still.
    pub(super) fn tick(&mut self, dts: Timestamp) -> Option<Reference> {
        let at = Self::reference_at(dts);
        self.last.is_none_or(|last| at > last).then(|| self.set(at))
    }

    pub(super) fn set(&mut self, at: Timestamp) -> Reference {
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        Reference { at, discontinuity: std::mem::take(&mut self.restarted) }
    }

    pub(super) fn reference_at(dts: Timestamp) -> Timestamp {
        dts - LEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn references_follow_the_track_and_fill_its_gaps() {
        let mut clock = Clock::default();
        assert_eq!(clock.due(at(5000), true), None);
        assert_eq!(clock.tick(at(1000)), Some(Reference { at: at(500), discontinuity: false }));
        assert_eq!(clock.due(at(1100), true), None);
        assert_eq!(clock.due(at(1101), true), Some(at(600)));
        assert_eq!(clock.tick(at(1000)), None);
    }

    #[test]
    fn the_other_track_takes_over_only_in_a_stall() {
        let mut clock = Clock::default();
        clock.tick(at(1000));
        assert_eq!(clock.due(at(1400), false), None);
        assert_eq!(clock.due(at(1401), false), Some(at(600)));
    }

    #[test]
    fn a_restart_is_told_once() {
        let mut clock = Clock::default();
        clock.restart();
        assert_eq!(clock.tick(at(1000)).map(|r| r.discontinuity), Some(false));
        clock.restart();
        assert_eq!(clock.tick(at(900)), Some(Reference { at: at(400), discontinuity: true }));
        assert_eq!(clock.tick(at(940)).map(|r| r.discontinuity), Some(false));
    }
}

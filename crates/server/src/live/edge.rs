//! How far a live playlist has got, and what a player may wait for beyond that.

use hls_mux::MediaSequence;
use media::MediaDuration;

/// Segments beyond the last that may be asked for, and parts in seconds (RFC 8216bis §6.2.5.2).
const SEGMENTS_AHEAD: u64 = 2;
const PARTS_AHEAD_S: i64 = 3;

/// What a player wants the playlist to list (`_HLS_msn`, `_HLS_part`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) sequence: MediaSequence,
    /// `None`: the whole segment.
    pub(crate) part: Option<u32>,
}

/// How far a playlist has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edge {
    /// The segment in hand: the one after the last whole one.
    pub(super) next: MediaSequence,
    /// Its parts that are listed.
    pub(super) parts: u32,
    /// Parts of the segment before.
    pub(super) parts_before: u32,
    /// Nothing follows.
    pub(super) ended: bool,
}

impl Edge {
    /// Whether the playlist lists it. Beyond a segment's last part the next segment's first is meant.
    pub(super) fn lists(&self, wanted: Wanted) -> bool {
        let Wanted { sequence, part } = wanted;
        match part {
            None => sequence < self.next,
            Some(part) if sequence == self.next => part < self.parts,
            Some(part) if sequence.next() == self.next => part < self.parts_before || self.parts > 0,
            Some(_) => sequence < self.next,
        }
    }

    /// Whether it is near enough to be waited for.
    pub(super) fn is_near(&self, wanted: Wanted, part_target: MediaDuration) -> bool {
        let target = part_target.ticks().max(1);
        let ahead = MediaDuration::from_secs(PARTS_AHEAD_S).ticks().div_euclid(target) + 1;
        let ahead = u32::try_from(ahead.max(PARTS_AHEAD_S)).unwrap_or(u32::MAX);
        let listed = if wanted.sequence == self.next { self.parts } else { 0 };
        let is_past = wanted.sequence < self.next;
        // The last segment is the one before the one in hand.
        wanted.sequence.get() < self.next.get() + SEGMENTS_AHEAD
            && (is_past || wanted.part.is_none_or(|part| part < listed.saturating_add(ahead)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: Edge = Edge { next: MediaSequence::new(8), parts: 3, parts_before: 10, ended: false };

    fn wanted(sequence: u64, part: impl Into<Option<u32>>) -> Wanted {
        Wanted { sequence: MediaSequence::new(sequence), part: part.into() }
    }

    #[test]
    fn what_is_listed_is_answered_at_once() {
        for old in
            [wanted(0, None), wanted(7, None), wanted(7, 9), wanted(6, 500), wanted(8, 0), wanted(8, 2)]
        {
            assert!(EDGE.lists(old), "{old:?}");
        }
        for new in [wanted(8, None), wanted(8, 3), wanted(9, None), wanted(9, 0)] {
            assert!(!EDGE.lists(new), "{new:?}");
        }
    }

    #[test]
    fn one_part_too_many_is_the_next_segments_first() {
        let complete = Edge { parts: 0, ..EDGE };
        assert!(!complete.lists(wanted(7, 10)));
        assert!(Edge { parts: 1, ..complete }.lists(wanted(7, 10)));
    }

    #[test]
    fn what_is_absurd_is_not_waited_for() {
        let target = MediaDuration::from_millis(200);
        for near in [wanted(8, None), wanted(9, None), wanted(8, 18), wanted(9, 15), wanted(3, 99)] {
            assert!(EDGE.is_near(near, target), "{near:?}");
        }
        for far in [wanted(10, None), wanted(u64::MAX, 0), wanted(8, 19), wanted(9, 16), wanted(8, u32::MAX)]
        {
            assert!(!EDGE.is_near(far, target), "{far:?}");
        }
    }
}

use media::{MediaDuration, Timestamp};

/// What the decoder leaves out, where decoding alone is more than the machine can do; each step includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecodeSkip {
    /// Nothing.
    #[default]
    Nothing,
    /// The loop filter: pictures are there, with the edges of their blocks.
    LoopFilter,
    /// Pictures that no other refers to.
    NonReference,
    /// Everything but keyframes, and of those all that come within the time that a picture may stay.
    NonKey,
}

impl DecodeSkip {
    /// All steps, from the least to the most.
    pub const STEPS: [Self; 4] = [Self::Nothing, Self::LoopFilter, Self::NonReference, Self::NonKey];
}

/// The shortest time between keyframes that are decoded where nothing else is: streams of keyframes alone are
/// thinned, too.
const KEYFRAME_INTERVAL: MediaDuration = MediaDuration::from_millis(700);

/// Keeps account of a decoder that leaves pictures out.
#[derive(Debug, Default)]
pub(crate) struct SkipCount {
    /// Packets that went in, less pictures that came out.
    inside: u64,
    /// So many of those are held to be put in order.
    held: u64,
    /// When the last keyframe was decoded.
    keyframe: Option<Timestamp>,
}

impl SkipCount {
    /// Whether the keyframe at `at` is one of those that are decoded where nothing else is.
    pub(crate) fn admits_keyframe(&mut self, at: Timestamp) -> bool {
        let admits = self.keyframe.is_none_or(|last| (at - last).abs() >= KEYFRAME_INTERVAL);
        if admits {
            self.keyframe = Some(at);
        }
        admits
    }

    /// A packet went in.
    pub(crate) fn sent(&mut self) {
        self.inside += 1;
    }

    /// A picture came out.
    pub(crate) fn received(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// Nothing is inside any more.
    pub(crate) fn flushed(&mut self) {
        (self.inside, self.held) = (0, 0);
    }

    /// Pictures that the decoder has left out since this was asked last.
    pub(crate) fn take(&mut self, skip: DecodeSkip) -> u64 {
        if skip < DecodeSkip::NonReference {
            self.held = self.inside;
        }
        let skipped = self.inside.saturating_sub(self.held);
        self.inside -= skipped;
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_not_left_out() {
        let mut count = SkipCount::default();
        for _ in 0..2 {
            count.sent();
        }
        assert_eq!(count.take(DecodeSkip::LoopFilter), 0);
        // One of the next three comes out.
        for _ in 0..3 {
            count.sent();
        }
        count.received();
        assert_eq!(count.take(DecodeSkip::NonReference), 2);
        assert_eq!(count.take(DecodeSkip::NonReference), 0);
    }

    #[test]
    fn keyframes_alone_are_thinned() {
        let mut count = SkipCount::default();
        let admitted =
            (0..60).filter(|n| count.admits_keyframe(Timestamp::from_millis(n * 1000 / 30))).count();
        assert_eq!(admitted, 3);
    }
}

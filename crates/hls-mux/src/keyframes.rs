use media::{MediaDuration, Timestamp};

/// How many GOPs are remembered: so many short ones in a row are taken for the rule.
const REMEMBERED: usize = 8;

/// Decides which key frames start a segment.
///
/// One at or past the target does. An earlier one does, too, if the next may come past the longest
/// segment: at 23.976 pictures a second every other 2 s GOP lasts 1.96 s, and waiting for the
/// next key frame would make that segment 3.92 s long.
#[derive(Debug)]
pub(crate) struct KeyframeRule {
    target: MediaDuration,
    longest: MediaDuration,
    last: Option<Timestamp>,
    /// The latest GOPs, in no order; the target stands for those that didn't come yet.
    gops: [MediaDuration; REMEMBERED],
    oldest: usize,
}

impl KeyframeRule {
    pub(crate) fn new(target: MediaDuration, longest: MediaDuration) -> Self {
        Self { target, longest, last: None, gops: [target; REMEMBERED], oldest: 0 }
    }

    /// Takes note of a key frame.
    pub(crate) fn observe(&mut self, at: Timestamp) {
        if let Some(last) = self.last.replace(at) {
            self.gops[self.oldest] = at - last;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }

    /// Whether the key frame that comes `elapsed` after its segment's start begins the next.
    pub(crate) fn cuts(&self, elapsed: MediaDuration) -> bool {
        elapsed >= self.target || elapsed + self.expected() > self.longest
    }

    /// Whether a key frame should come after `at`, and no later than `until`.
    pub(crate) fn expects(&self, at: Timestamp, until: Timestamp) -> bool {
        let next = self.last.map(|last| last + self.expected());
        next.is_some_and(|next| at < next && next <= until)
    }

    /// The distance of key frames, of the longest that is remembered.
    fn expected(&self) -> MediaDuration {
        self.gops.iter().copied().max().unwrap_or(self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of the segments that key frames at these times make.
    fn segments(keyframes: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut rule = KeyframeRule::new(MediaDuration::from_secs(2), MediaDuration::from_millis(2490));
        let (mut start, mut lengths) = (0, Vec::new());
        for at in keyframes {
            rule.observe(Timestamp::from_millis(at));
            if at > 0 && rule.cuts(MediaDuration::from_millis(at - start)) {
                lengths.push(at - start);
                start = at;
            }
        }
        lengths
    }

    #[test]
    fn every_key_frame_of_the_grid_cuts() {
        assert_eq!(segments([0, 2002, 4004, 5964, 7966]), [2002, 2002, 1960, 2002]);
        assert_eq!(segments([0, 500, 2500, 4500]), [500, 2000, 2000]);
    }

    #[test]
    fn short_gops_are_joined_once_they_are_known() {
        let lengths = segments((0..30).map(|second| second * 1000));
        let (unknown, known) = lengths.split_at(REMEMBERED - 1);
        assert!(unknown.iter().all(|length| *length == 1000), "{lengths:?}");
        assert!(known.len() > 9 && known.iter().all(|length| *length == 2000), "{lengths:?}");
        let lengths = segments((0..1000).map(|frame| frame * 40));
        assert!(lengths.iter().all(|length| *length == 2000), "{lengths:?}");
    }

    #[test]
    fn the_next_key_frame_is_expected_until_it_is_due() {
        let at = Timestamp::from_millis;
        let mut rule = KeyframeRule::new(MediaDuration::from_secs(2), MediaDuration::from_millis(2490));
        assert!(!rule.expects(at(0), at(2490)));
        rule.observe(at(0));
        assert!(rule.expects(at(1999), at(2000)));
        assert!(!rule.expects(at(2000), at(2490)), "it is overdue");
        assert!(!rule.expects(at(0), at(1999)), "it comes later");
        rule.observe(at(4000));
        assert!(!rule.expects(at(6000), at(6490)), "they come each four seconds");
    }

    #[test]
    fn a_scene_cut_does_not_make_a_long_segment() {
        let lengths = segments([0, 2000, 3000, 4000, 6000, 7500, 8000, 10_000]);
        assert!(lengths.iter().all(|length| *length <= 2490), "{lengths:?}");
    }
}

use media::{MediaDuration, Timestamp};

/// Decides which key frames start a segment.
///
/// One at or past the target does. An earlier one does, too, if the next would come past the longest
/// segment: at 23.976 pictures a second every other 2 s GOP lasts 1.96 s, and waiting for the
/// next key frame would make that segment 3.92 s long.
#[derive(Debug)]
pub(crate) struct KeyframeRule {
    target: MediaDuration,
    longest: MediaDuration,
    last: Option<Timestamp>,
    /// The GOP to expect at worst. Falls slowly, so that an odd short GOP doesn't make it forget.
    gop: MediaDuration,
}

impl KeyframeRule {
    pub(crate) fn new(target: MediaDuration, longest: MediaDuration) -> Self {
        Self { target, longest, last: None, gop: target }
    }

    /// Takes note of a key frame.
    pub(crate) fn observe(&mut self, at: Timestamp) {
        if let Some(last) = self.last.replace(at) {
            let faded = MediaDuration::from_ticks(self.gop.ticks() - self.gop.ticks() / 8);
            self.gop = faded.max(at - last);
        }
    }

    /// Whether the key frame that comes `elapsed` after its segment's start begins the next.
    pub(crate) fn cuts(&self, elapsed: MediaDuration) -> bool {
        elapsed >= self.target || elapsed + self.gop > self.longest
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
        assert!(lengths.ends_with(&[2000; 12]), "{lengths:?}");
        let lengths = segments((0..1000).map(|frame| frame * 40));
        assert!(lengths.iter().all(|length| *length == 2000), "{lengths:?}");
    }

    #[test]
    fn a_scene_cut_does_not_make_a_long_segment() {
        let lengths = segments([0, 2000, 3000, 4000, 6000, 7500, 8000, 10_000]);
        assert!(lengths.iter().all(|length| *length <= 2490), "{lengths:?}");
    }
}

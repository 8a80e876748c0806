use std::num::NonZeroU32;

use media::{MediaDuration, Timestamp};

use crate::DecodeSkip;

/// How the work is cut down while the machine can't keep up. By default it isn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relief {
    /// Of so many decoded pictures one is encoded.
    pub one_picture_in: NonZeroU32,
    /// Steps of [`VideoOptions::faster_presets`](crate::VideoOptions::faster_presets) that are taken.
    pub faster: usize,
    /// What isn't even decoded.
    pub decode_skip: DecodeSkip,
}

impl Default for Relief {
    fn default() -> Self {
        Self { one_picture_in: NonZeroU32::MIN, faster: 0, decode_skip: DecodeSkip::Nothing }
    }
}

/// The longest that a picture stays, however many are to be left out: a slow source isn't to stop.
const LONGEST_PICTURE: MediaDuration = MediaDuration::from_millis(200);

/// The same in a hurry. Longer, and the picture would count as stalled.
const LONGEST_HURRIED: MediaDuration = MediaDuration::from_millis(700);

/// Leaves pictures out evenly.
#[derive(Debug, Default)]
pub(crate) struct Thinning {
    left_out: u32,
}

impl Thinning {
    /// Whether a picture that comes so long after the last one shown is shown, one in `one_in` being wanted.
    pub(crate) fn admit(&mut self, one_in: NonZeroU32, since_last: MediaDuration) -> bool {
        let is_shown = self.left_out + 1 >= one_in.get() || since_last >= LONGEST_PICTURE;
        self.left_out = if is_shown { 0 } else { self.left_out + 1 };
        is_shown
    }

    /// The same in a hurry: hardly any is.
    pub(crate) fn admit_hurried(&mut self, since_last: MediaDuration) -> bool {
        let is_shown = since_last >= LONGEST_HURRIED;
        self.left_out = if is_shown { 0 } else { self.left_out.saturating_add(1) };
        is_shown
    }

    /// The distance of pictures that are shown again, one in `one_in` being wanted of those that are `interval` apart.
    pub(crate) fn repetition(one_in: NonZeroU32, interval: MediaDuration) -> MediaDuration {
        let wanted = MediaDuration::from_ticks(interval.ticks().saturating_mul(one_in.get().into()));
        wanted.min(LONGEST_PICTURE).max(interval)
    }
}

/// The time since `last`; longer than any picture may be shown, if there is none.
pub(crate) fn since(last: Option<Timestamp>, now: Timestamp) -> MediaDuration {
    last.map_or(LONGEST_HURRIED, |last| now - last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(one_in: u32, rate: i64) -> Vec<i64> {
        let mut thinning = Thinning::default();
        let mut last = None;
        let at = |n| Timestamp::from_millis(n * 1000 / rate);
        let admit = |n: &i64| {
            let is_shown = thinning.admit(NonZeroU32::new(one_in).unwrap(), since(last, at(*n)));
            last = if is_shown { Some(at(*n)) } else { last };
            is_shown
        };
        (0..rate).filter(admit).collect()
    }

    #[test]
    fn pictures_are_left_out_evenly() {
        assert_eq!(shown(1, 60), (0..60).collect::<Vec<_>>());
        assert_eq!(shown(2, 60), (0..60).step_by(2).collect::<Vec<_>>());
        assert_eq!(shown(4, 30), (0..30).step_by(4).collect::<Vec<_>>());
    }

    #[test]
    fn in_a_hurry_a_picture_stays_for_most_of_a_second() {
        let mut thinning = Thinning::default();
        assert!(!thinning.admit_hurried(MediaDuration::from_millis(690)));
        assert!(thinning.admit_hurried(MediaDuration::from_millis(700)));
    }

    #[test]
    fn pictures_are_shown_again_as_seldom_as_new_ones() {
        let repetition = |one_in, millis| {
            let one_in = NonZeroU32::new(one_in).unwrap();
            Thinning::repetition(one_in, MediaDuration::from_millis(millis)).as_millis()
        };
        assert_eq!((repetition(1, 20), repetition(4, 20), repetition(8, 40)), (20, 80, 200));
        assert_eq!(repetition(2, 500), 500);
    }

    #[test]
    fn a_slow_source_does_not_stop() {
        assert_eq!(shown(8, 5), [0, 1, 2, 3, 4]);
        assert_eq!(shown(8, 20), [0, 4, 8, 12, 16]);
    }
}

use media::{MediaDuration, Timestamp};

/// Where keyframes fall: on the first picture at or after each point of a grid of output time.
///
/// Time decides, not the number of pictures, so that any rate, even a varying one, gives segments
/// of one length that don't drift.
#[derive(Debug)]
pub(crate) struct KeyframeGrid {
    interval: MediaDuration,
    next: Option<Timestamp>,
}

impl KeyframeGrid {
    /// A grid whose origin is the first picture.
    pub(crate) fn new(interval: MediaDuration) -> Self {
        Self { interval, next: None }
    }

    /// Whether a picture shown at `pts` would be a keyframe.
    pub(crate) fn has_reached(&self, pts: Timestamp) -> bool {
        self.next.is_none_or(|next| pts >= next)
    }

    /// Whether the picture shown at `pts` is to be a keyframe. Pictures come in order.
    pub(crate) fn is_due(&mut self, pts: Timestamp) -> bool {
        let Some(next) = self.next else {
            self.next = Some(pts + self.interval);
            return true;
        };
        if pts < next {
            return false;
        }
        let interval = self.interval.ticks().max(1);
        let passed = (pts - next).ticks() / interval + 1;
        self.next = Some(next + MediaDuration::from_ticks(interval.saturating_mul(passed)));
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: MediaDuration = MediaDuration::from_secs(2);

    fn keyframes(times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
        let mut grid = KeyframeGrid::new(INTERVAL);
        times.filter(|&pts| grid.is_due(pts)).collect()
    }

    #[test]
    fn every_common_rate_keeps_to_the_grid() {
        for (num, den) in [(24_000, 1001), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)]
        {
            let frame = MediaDuration::from_samples(i64::from(den), num);
            let times = (0..i64::from(num) * 20 / i64::from(den))
                .map(|n| Timestamp::ZERO + MediaDuration::from_samples(n * i64::from(den), num));
            for (n, at) in keyframes(times).into_iter().enumerate() {
                let late = at - (Timestamp::ZERO + MediaDuration::from_secs(2 * n as i64));
                assert!(late >= MediaDuration::ZERO && late <= frame, "{num}/{den}: keyframe {n} at {at}");
            }
        }
    }

    #[test]
    fn a_gap_skips_the_points_inside_it() {
        let at = |ms| Timestamp::from_millis(ms);
        let found = keyframes([0, 1000, 7100, 7900, 8000].into_iter().map(at));
        assert_eq!(found, [at(0), at(7100), at(8000)]);
    }

    proptest! {
        #[test]
        fn any_rate_has_one_keyframe_in_each_cell(
            start in 0i64..1 << 33,
            steps in prop::collection::vec(1i64..80_000, 1..300),
        ) {
            let mut pts = Timestamp::from_ticks(start);
            let mut cells = Vec::new();
            for at in keyframes(steps.iter().map(|step| { let at = pts; pts += MediaDuration::from_ticks(*step); at })) {
                cells.push((at.ticks() - start) / INTERVAL.ticks());
            }
            // Steps are shorter than a cell, so that none may be passed over.
            prop_assert!(cells.iter().enumerate().all(|(n, cell)| *cell == n as i64));
        }
    }
}

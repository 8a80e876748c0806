//! Pictures at even distances, whatever the publisher's camera and network make of them.
//!
//! hls.js takes the last picture of a part to last as long as the one before it did. What begins later than twice that,
//! Chromium takes for a break, and throws pictures away up to the next keyframe: viewers see the picture stand still for
//! up to two seconds where a part ends after a picture that was shown too soon, or before one that was lost, or where the rate
//! falls. So no picture is shown for more than twice as long as the one before it.

use media::{MediaDuration, Timestamp};

/// Where a picture is shown, and what comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pts: Timestamp,
    /// So many equal intervals lie between it and the last picture, which is shown again at the end of each but the last.
    pub(crate) intervals: i64,
}

/// Places a picture that says that it is shown at `pts`, pictures being `interval` apart and repeated ones `step`, after one
/// at `last`. `None` if it comes too late.
///
/// One that comes too soon is shown up to half an interval later than it says; what follows makes up for it.
pub(crate) fn place(
    pts: Timestamp,
    last: Timestamp,
    interval: MediaDuration,
    step: MediaDuration,
) -> Option<Place> {
    let ticks = interval.ticks();
    let soonest = last + MediaDuration::from_ticks(ticks - ticks / 10);
    let latest = pts + MediaDuration::from_ticks(ticks / 2);
    let pts = pts.max(soonest.min(latest));
    let step = step.ticks().max(1);
    let intervals = ((pts - last).ticks() + step / 2) / step;
    (pts > last).then_some(Place { pts, intervals: intervals.max(1) })
}

/// A picture that is shown for so many times as long as the one before is shown for too long: short of two, as times are
/// rounded.
const TOO_LONG: f64 = 1.9;
/// Each of those that lead up to it is shown for so many times as long as the one before.
const GROWTH: f64 = 1.75;

/// How long after the last picture it is shown again before one that comes `gap` after it, where the last two were `before`
/// apart: the publisher, or a machine that can't keep up, shows fewer from now on.
pub(crate) fn lead_up(before: MediaDuration, gap: MediaDuration) -> Vec<MediaDuration> {
    let (longest, gap) = (before.ticks().max(1) as f64 * TOO_LONG, gap.ticks() as f64);
    // Ends of intervals that grow, the first of which is one long.
    let (mut ends, mut end, mut next) = (Vec::new(), 1.0, GROWTH);
    while longest * end < gap {
        ends.push(end);
        end += next;
        next *= GROWTH;
    }
    ends.into_iter().map(|at| MediaDuration::from_ticks((gap * at / end) as i64)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: MediaDuration = MediaDuration::from_ticks(3000);

    /// What is shown of pictures at `times`, repeated ones included.
    fn shown(times: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut shown: Vec<i64> = Vec::new();
        for pts in times {
            let Some(&last) = shown.last() else {
                shown.push(pts);
                continue;
            };
            let (pts, last) = (Timestamp::from_ticks(pts), Timestamp::from_ticks(last));
            let Some(place) = place(pts, last, INTERVAL, INTERVAL) else { continue };
            let ticks = (place.pts - last).ticks();
            shown.extend((1..=place.intervals).map(|n| last.ticks() + ticks * n / place.intervals));
        }
        shown
    }

    #[test]
    fn even_pictures_stay_where_they_are() {
        let even: Vec<i64> = (0..100).map(|n| n * 3000).collect();
        assert_eq!(shown(even.clone()), even);
        let rounded: Vec<i64> = (0..100).map(|n| (n * 1000 + 15) / 30 * 90).collect();
        assert_eq!(shown(rounded.clone()), rounded);
    }

    #[test]
    fn lost_pictures_are_replaced() {
        assert_eq!(shown([0, 3000, 12_000, 15_000]), [0, 3000, 6000, 9000, 12_000, 15_000]);
    }

    #[test]
    fn a_rate_falls_step_by_step() {
        let lead_up = |before, gap| {
            let [before, gap] = [before, gap].map(MediaDuration::from_ticks);
            lead_up(before, gap).into_iter().map(MediaDuration::ticks).collect::<Vec<_>>()
        };
        assert_eq!(lead_up(3000, 5400), []);
        assert_eq!(lead_up(3000, 9000), [3272]);
        assert_eq!(lead_up(3000, 18_000), [3096, 8516]);
    }

    #[test]
    fn one_that_comes_too_soon_is_shown_later() {
        assert_eq!(shown([0, 200, 3200, 6200, 9200]), [0, 1700, 4400, 7100, 9800]);
    }

    #[test]
    fn one_that_comes_too_late_is_left_out() {
        assert_eq!(shown([0, 3000, 1500, 6000]), [0, 3000, 6000]);
    }

    proptest! {
        /// A camera's jitter, pictures of it being lost.
        #[test]
        fn no_picture_lasts_twice_as_long_as_the_one_before(
            pictures in prop::collection::vec((-1000i64..1000, 0u8..10), 2..300),
        ) {
            let times = pictures.iter().enumerate().filter(|(_, (_, luck))| *luck > 0);
            let shown = shown(times.map(|(n, (jitter, _))| n as i64 * 3000 + jitter));
            let intervals: Vec<i64> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
            for pair in intervals.windows(2) {
                prop_assert!(pair[1] < 2 * pair[0], "{pair:?}");
            }
        }

        /// Thinned, or of a publisher that sends fewer all of a sudden.
        #[test]
        fn long_pictures_are_led_up_to(gaps in prop::collection::vec(900i64..63_000, 2..100)) {
            let mut before = MediaDuration::from_ticks(gaps[0]);
            for gap in gaps.into_iter().map(MediaDuration::from_ticks) {
                let mut at = MediaDuration::ZERO;
                let again = lead_up(before, gap);
                prop_assert!(again.len() <= 8, "{} of {before} before {gap}", again.len());
                for end in again.into_iter().chain([gap]) {
                    let interval = end - at;
                    prop_assert!(interval <= before + before, "{before}, then {interval} of {gap}");
                    prop_assert!(interval > MediaDuration::ZERO);
                    (before, at) = (interval, end);
                }
            }
        }

        #[test]
        fn nothing_is_moved_far_and_order_is_kept(steps in prop::collection::vec(0i64..90_000, 2..300)) {
            let times = steps.iter().scan(0, |at, step| { *at += step; Some(*at) });
            let shown = shown(times.clone());
            prop_assert!(shown.windows(2).all(|pair| pair[0] < pair[1]));
            let end = times.last().unwrap_or_default();
            prop_assert!(shown.last().is_some_and(|last| (last - end).abs() <= 3000));
        }
    }
}

use media::{FrameRate, MediaDuration, TICKS_PER_SECOND};

/// How far a segment may overrun `EXT-X-TARGETDURATION`. A segment's duration, rounded to the
/// nearest second, may not exceed it (RFC 8216 §4.3.3.1): half a second would round up.
const OVERRUN: MediaDuration = MediaDuration::from_millis(490);

/// How a [`Segmenter`](crate::Segmenter) cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmenterOptions {
    /// How long segments should be. A segment ends at the first key frame from there on, or at an
    /// earlier one where the next would come too late.
    pub target_duration: MediaDuration,
    /// The longest part to make; `None` makes no parts. See [`part_target`](Self::part_target).
    pub part_target: Option<MediaDuration>,
    /// The longest segment, key frame or not. By default, and at most, what a playlist for
    /// `target_duration` may list: that, rounded up to whole seconds, plus 0.49 s.
    pub max_segment_duration: Option<MediaDuration>,
    /// The largest segment, key frame or not.
    pub max_segment_bytes: usize,
    /// How long the first segment is held back for the first packet of a second track, or for a key
    /// frame, so that a stream doesn't begin with a change of tracks. Costs no latency but where
    /// parts are made and there is no second track.
    pub track_wait: MediaDuration,
}

impl Default for SegmenterOptions {
    fn default() -> Self {
        Self {
            target_duration: MediaDuration::from_secs(2),
            part_target: None,
            max_segment_duration: None,
            max_segment_bytes: 32 << 20,
            track_wait: MediaDuration::from_secs(1),
        }
    }
}

impl SegmenterOptions {
    /// The bound that holds, whatever was asked for.
    pub fn longest_segment(&self) -> MediaDuration {
        let listable = MediaDuration::from_secs(whole_seconds(self.target_duration)) + OVERRUN;
        self.max_segment_duration.map_or(listable, |asked| asked.min(listable))
    }

    /// The part target nearest to `wanted` that whole pictures fill.
    ///
    /// A part must last at least 85 % of the target (RFC 8216bis §4.4.4.9). 200 ms parts of
    /// 24 pictures a second can't: four last 167 ms and five 208 ms.
    pub fn part_target(wanted: MediaDuration, frame_rate: FrameRate) -> MediaDuration {
        let (num, den) = (i64::from(frame_rate.num.max(1)), i64::from(frame_rate.den.max(1)));
        let frames = (wanted.ticks().saturating_mul(num) as f64 / (den * TICKS_PER_SECOND) as f64).round();
        let frames = (frames as i64).max(1);
        MediaDuration::from_ticks((frames.saturating_mul(den * TICKS_PER_SECOND) + num - 1) / num)
    }
}

/// `EXT-X-TARGETDURATION` for segments of about `target`: whole seconds, rounded up.
pub(crate) fn whole_seconds(target: MediaDuration) -> i64 {
    ((target.ticks().saturating_add(TICKS_PER_SECOND - 1)) / TICKS_PER_SECOND).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_segment_never_rounds_above_the_target_duration() {
        for millis in [1, 500, 1000, 1400, 1500, 2000, 2499, 2500, 6000] {
            let target_duration = MediaDuration::from_millis(millis);
            let options = SegmenterOptions { target_duration, ..SegmenterOptions::default() };
            let rounded = options.longest_segment().as_secs_f64().round() as i64;
            assert!(rounded <= whole_seconds(target_duration), "{millis} ms");
            assert!(options.longest_segment() > target_duration);
        }
    }

    #[test]
    fn a_part_target_is_a_whole_number_of_pictures() {
        let wanted = MediaDuration::from_millis(200);
        let at = |num, den| SegmenterOptions::part_target(wanted, FrameRate { num, den }).ticks();
        assert_eq!(at(30, 1), 18_000);
        assert_eq!(at(25, 1), 18_000);
        assert_eq!(at(24, 1), 18_750);
        assert_eq!(at(30_000, 1001), 18_018);
        assert_eq!(at(2, 1), 45_000);
    }
}

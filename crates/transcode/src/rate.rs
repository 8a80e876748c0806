use media::FrameRate;

/// Rates outside of this aren't believed.
const PLAUSIBLE_RATES: std::ops::RangeInclusive<f64> = 5.0..=240.0;
/// Larger terms of a rate make encoders' own arithmetic overflow.
const MAX_RATE_TERM: u32 = 1_000_000;
const ASSUMED_RATE: FrameRate = FrameRate { num: 30, den: 1 };

/// The picture rate to plan with, `max` at most: what the stream's own headers state, or what the ingest hints at.
pub(crate) fn nominal_rate(stated: Option<FrameRate>, hinted: Option<FrameRate>, max: u32) -> FrameRate {
    let is_plausible = |rate: &FrameRate| rate.den > 0 && PLAUSIBLE_RATES.contains(&rate.as_f64());
    let rate = [stated, hinted].into_iter().flatten().find(is_plausible).unwrap_or(ASSUMED_RATE);
    if rate.as_f64() > f64::from(max) {
        return FrameRate { num: max, den: 1 };
    }
    if rate.num > MAX_RATE_TERM || rate.den > MAX_RATE_TERM {
        return FrameRate { num: (rate.as_f64() * 1000.0).round() as u32, den: 1000 };
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hinted_rate_is_believed_only_if_it_is_sane() {
        let nominal = |num, den| nominal_rate(None, Some(FrameRate { num, den }), 60);
        assert_eq!(nominal(30_000, 1001), FrameRate { num: 30_000, den: 1001 });
        assert_eq!(nominal(120, 1), FrameRate { num: 60, den: 1 });
        assert_eq!(nominal(90_000, 1), ASSUMED_RATE);
        assert_eq!(nominal(25, 0), ASSUMED_RATE);
        assert_eq!(nominal(4_000_000_000, 100_000_000), FrameRate { num: 40_000, den: 1000 });
    }
}

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::time::Duration;

/// The one clock inside Weir: 90 kHz, as in MPEG-2 systems.
pub const TICKS_PER_SECOND: i64 = 90_000;

/// An instant of media time, in 90 kHz ticks from an origin that its producer defines.
///
/// Two instants can be subtracted but not added: their sum means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A signed length of media time, in 90 kHz ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaDuration(i64);

impl Timestamp {
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// The instant `ticks` after the origin.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// The instant `millis` after the origin; exact, since a millisecond is 90 ticks.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(TICKS_PER_SECOND / 1000))
    }

    /// Ticks since the origin.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// The time since the origin.
    pub const fn since_origin(self) -> MediaDuration {
        MediaDuration(self.0)
    }
}

impl MediaDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A length of `ticks` 90 kHz ticks.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// A length of `millis` milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(TICKS_PER_SECOND / 1000))
    }

    /// A length of `secs` seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(TICKS_PER_SECOND))
    }

    /// `count` periods of a clock that runs at `rate` Hz, rounded to the nearest tick.
    ///
    /// Computed from the count, so that the error never exceeds half a tick however large the
    /// count grows; adding up rounded periods would drift.
    ///
    /// A `rate` of 0 gives [`MediaDuration::ZERO`].
    pub fn from_samples(count: i64, rate: u32) -> Self {
        if rate == 0 {
            return Self::ZERO;
        }
        let rate = i128::from(rate);
        let scaled = i128::from(count) * i128::from(TICKS_PER_SECOND);
        let rounded = (scaled + rate / 2).div_euclid(rate);
        Self(rounded.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// How many periods of a clock that runs at `rate` Hz fit, rounded to the nearest.
    pub fn to_samples(self, rate: u32) -> i64 {
        let ticks_per_second = i128::from(TICKS_PER_SECOND);
        let scaled = i128::from(self.0) * i128::from(rate);
        (scaled + ticks_per_second / 2).div_euclid(ticks_per_second) as i64
    }

    /// Length in ticks.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Length in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND / 1000)
    }

    /// Length in seconds; for printing and for gauges, not for arithmetic.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }

    /// The same length as a wall-clock duration; zero if it is negative.
    pub fn to_std(self) -> Duration {
        let nanos = i128::from(self.0.max(0)) * 1_000_000_000 / i128::from(TICKS_PER_SECOND);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The absolute length.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl From<Duration> for MediaDuration {
    /// Rounds down to a whole tick.
    fn from(duration: Duration) -> Self {
        let ticks = duration.as_nanos() * TICKS_PER_SECOND as u128 / 1_000_000_000;
        Self(i64::try_from(ticks).unwrap_or(i64::MAX))
    }
}

// Saturating throughout: a hostile timestamp must not wrap the clock nor panic a debug build.

impl Sub for Timestamp {
    type Output = MediaDuration;
    fn sub(self, earlier: Self) -> MediaDuration {
        MediaDuration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<MediaDuration> for Timestamp {
    type Output = Self;
    fn add(self, duration: MediaDuration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }
}

impl Sub<MediaDuration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: MediaDuration) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }
}

impl AddAssign<MediaDuration> for Timestamp {
    fn add_assign(&mut self, duration: MediaDuration) {
        *self = *self + duration;
    }
}

impl SubAssign<MediaDuration> for Timestamp {
    fn sub_assign(&mut self, duration: MediaDuration) {
        *self = *self - duration;
    }
}

impl Add for MediaDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for MediaDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for MediaDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for MediaDuration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for MediaDuration {
    fn sum<I: Iterator<Item = Self>>(durations: I) -> Self {
        durations.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.since_origin().as_secs_f64())
    }
}

impl fmt::Display for MediaDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ten_hour_aac_clock_does_not_drift() {
        let frames = 10 * 3600 * 44_100 / 1024;
        let at = MediaDuration::from_samples(frames * 1024, 44_100);
        let exact = frames as f64 * 1024.0 / 44_100.0;
        assert!((at.as_secs_f64() - exact).abs() < 1.0 / TICKS_PER_SECOND as f64);
    }

    #[test]
    fn a_zero_rate_is_no_time() {
        assert_eq!(MediaDuration::from_samples(1024, 0), MediaDuration::ZERO);
    }

    proptest! {
        #[test]
        fn samples_survive_the_round_trip(count in 0..i64::from(u32::MAX), rate in 8_000u32..=90_000) {
            prop_assert_eq!(MediaDuration::from_samples(count, rate).to_samples(rate), count);
        }

        #[test]
        fn arithmetic_never_panics(a in any::<i64>(), b in any::<i64>()) {
            let (at, len) = (Timestamp::from_ticks(a), MediaDuration::from_ticks(b));
            let _ = (at + len, at - len, at - Timestamp::from_ticks(b), -len, len.abs(), len.to_std());
            let _ = (Timestamp::from_millis(a), MediaDuration::from_secs(b), len.as_millis());
        }
    }
}

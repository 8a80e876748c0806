use std::time::Duration;

/// The longest pause between two attempts, before jitter.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after so many failures in a row: a second, twice as long with each, an hour at most; a half
/// more or less by `random`, from 0 to 1, so that endpoints which failed together don't come back together.
pub(super) fn pause(failures: u32, random: f64) -> Duration {
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(12));
    doubled.min(LONGEST).mul_f64(0.5 + random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds = |failures| pause(failures, 0.5).as_secs();
        assert_eq!([1, 2, 3, 12, 13, 500].map(seconds), [1, 2, 4, 2048, 3600, 3600]);
        assert_eq!([0.0, 1.0].map(|random| pause(2, random).as_secs()), [1, 3]);
    }
}

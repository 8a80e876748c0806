//! A rate out of a count that only grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a rate is taken over: two whole segments of the usual length, so that it doesn't jump.
const SPAN: Duration = Duration::from_secs(5);

/// The rate of a count of bytes, over the last few seconds.
#[derive(Default)]
pub(super) struct Throughput {
    counts: VecDeque<(Instant, u64)>,
}

impl Throughput {
    /// Takes the count as it is now; bits a second.
    pub(super) fn update(&mut self, now: Instant, bytes: u64) -> u64 {
        // The one that is older than the span stays: a rate is taken from it on.
        while self.counts.get(1).is_some_and(|(at, _)| now - *at >= SPAN) {
            self.counts.pop_front();
        }
        self.counts.push_back((now, bytes));
        let Some((since, before)) = self.counts.front() else { return 0 };
        let seconds = (now - *since).as_secs_f64();
        if seconds == 0.0 { 0 } else { (bytes.saturating_sub(*before) as f64 * 8.0 / seconds) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut throughput, start) = (Throughput::default(), Instant::now());
        let mut at = |second, bytes| throughput.update(start + Duration::from_secs(second), bytes);
        assert_eq!(at(0, 500), 0);
        assert_eq!(at(1, 1500), 8000);
        for second in 2..10 {
            assert_eq!(at(second, 500 + 1000 * second), 8000);
        }
        assert_eq!(at(12, 9500), 3200, "three seconds of the last five brought nothing");
        assert_eq!(at(60, 9500), 0);
    }
}

use std::time::Duration;

use tokio::time::Instant;

use crate::StoreError;

/// How often, how soon and for how long an operation is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts at most, the first included; fewer than [`RetryPolicy::MIN_ATTEMPTS`] counts as that many.
    pub attempts: u32,
    /// The pause before the second attempt. Each further pause is twice as long.
    pub initial: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// After this long an attempt is abandoned.
    pub per_try_timeout: Duration,
    /// The whole operation, pauses included, ends by then, whatever the number of attempts.
    pub deadline: Duration,
}

impl RetryPolicy {
    /// The least number of attempts before an operation fails (unless its deadline comes first).
    pub const MIN_ATTEMPTS: u32 = 3;
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            initial: Duration::from_millis(50),
            cap: Duration::from_secs(1),
            per_try_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(16),
        }
    }
}

/// One operation's use of its policy. Takes time and randomness as arguments.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    policy: &'a RetryPolicy,
    started: Instant,
    attempts: u32,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(policy: &'a RetryPolicy, now: Instant) -> Self {
        Self { policy, started: now, attempts: 0 }
    }

    /// Counts an attempt that starts now, and says how long it may take.
    pub(crate) fn attempt(&mut self, now: Instant) -> Duration {
        self.attempts += 1;
        self.policy.per_try_timeout.min(self.left(now))
    }

    /// How long to wait after an attempt failed with `error`, or `None` to give up. `random` is uniform
    /// in 0..1.
    pub(crate) fn pause(&self, error: &StoreError, random: f64, now: Instant) -> Option<Duration> {
        if !error.is_transient() || self.attempts >= self.policy.attempts.max(RetryPolicy::MIN_ATTEMPTS) {
            return None;
        }
        let doublings = self.attempts.saturating_sub(1).min(31);
        let full = self.policy.initial.saturating_mul(1 << doublings).min(self.policy.cap);
        // Half of it is jitter: what failed together must not come back together.
        let pause = full.mul_f64(0.5 + 0.5 * random);
        (pause < self.left(now)).then_some(pause)
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now - self.started
    }

    fn left(&self, now: Instant) -> Duration {
        self.policy.deadline.saturating_sub(self.elapsed(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFUSED: StoreError = StoreError::Refused;

    #[test]
    fn pauses_double_up_to_the_cap_and_end_with_the_attempts() {
        let policy = RetryPolicy { attempts: 8, ..RetryPolicy::default() };
        let now = Instant::now();
        let mut budget = Budget::new(&policy, now);
        let mut pauses = Vec::new();
        loop {
            budget.attempt(now);
            let Some(pause) = budget.pause(&REFUSED, 1.0, now) else { break };
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn three_attempts_are_the_least() {
        let policy = RetryPolicy { attempts: 0, ..RetryPolicy::default() };
        let now = Instant::now();
        let mut budget = Budget::new(&policy, now);
        while budget.pause(&REFUSED, 0.0, now).is_some() {
            budget.attempt(now);
        }
        assert_eq!(budget.attempts(), 3);
    }

    #[test]
    fn a_permanent_error_ends_it_at_once() {
        let policy = RetryPolicy::default();
        let now = Instant::now();
        let mut budget = Budget::new(&policy, now);
        budget.attempt(now);
        assert_eq!(budget.pause(&StoreError::InvalidKey, 0.0, now), None);
    }

    proptest! {
        #[test]
        fn no_attempt_and_no_pause_passes_the_deadline(
            initial in 0..5_000_u64, cap in 0..5_000_u64, per_try in 1..8_000_u64, deadline in 1..20_000_u64,
            attempts in 0..50_u32, steps in prop::collection::vec((0.0..1.0_f64, 0.0..=1.0_f64), 60),
        ) {
            let ms = Duration::from_millis;
            let policy = RetryPolicy {
                attempts, initial: ms(initial), cap: ms(cap), per_try_timeout: ms(per_try), deadline: ms(deadline),
            };
            let start = Instant::now();
            let mut now = start;
            let mut budget = Budget::new(&policy, now);
            for (random, took) in steps {
                now += budget.attempt(now).mul_f64(took);
                prop_assert!(now <= start + ms(deadline));
                let Some(pause) = budget.pause(&REFUSED, random, now) else { break };
                prop_assert!(pause <= ms(cap) && pause >= ms(initial).min(ms(cap)).mul_f64(0.5));
                now += pause;
                prop_assert!(now < start + ms(deadline));
            }
            prop_assert!(budget.attempts() <= attempts.max(3));
        }
    }
}

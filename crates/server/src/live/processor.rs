//! How busy the processor is with this process, and whether there is room for another stream.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::time::{MissedTickBehavior, interval};

use super::registry::Registry;

/// How often the time that was used is read.
const PERIOD: Duration = Duration::from_secs(2);
/// What the load is taken over.
const SPAN: Duration = Duration::from_secs(10);
/// Cores that a stream is counted as until the load shows what it takes.
const NEWCOMER: f64 = 0.5;
/// Linux counts the time of processes in these, on every architecture that Rust has libraries for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor, as this process uses it.
pub(crate) struct Processor {
    cores: f64,
    /// The share of all cores' time above which no stream may begin; `None`: any.
    most: Option<f64>,
    measured: Mutex<Measured>,
}

#[derive(Default)]
struct Measured {
    /// Seconds of all cores' time that were used.
    used: VecDeque<(Instant, f64)>,
    /// When streams began that the load doesn't show yet.
    newcomers: VecDeque<Instant>,
}

/// There is no room for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy {
    /// Percent of all cores' time in use.
    pub(crate) percent: u32,
    /// Percent above which no stream may begin.
    pub(crate) most: u32,
}

impl Processor {
    /// A machine with so many cores, of whose time streams may use a share.
    pub(crate) fn new(cores: usize, most: Option<f64>) -> Self {
        Self { cores: cores as f64, most, measured: Mutex::default() }
    }

    /// Takes the seconds of processor time that were used so far. Answers the share of all cores' time that is.
    fn observe(&self, now: Instant, seconds: f64) -> f64 {
        let mut measured = self.lock();
        while measured.used.get(1).is_some_and(|(at, _)| now - *at >= SPAN) {
            measured.used.pop_front();
        }
        measured.used.push_back((now, seconds));
        measured.share() / self.cores
    }

    /// Whether there is room for another stream; if so, it is counted.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Busy> {
        let mut measured = self.lock();
        while measured.newcomers.front().is_some_and(|at| now - *at >= SPAN) {
            measured.newcomers.pop_front();
        }
        let share = (measured.share() + measured.newcomers.len() as f64 * NEWCOMER) / self.cores;
        let percent = |share: f64| (share * 100.0).round() as u32;
        match self.most {
            Some(most) if share > most => Err(Busy { percent: percent(share), most: percent(most) }),
            _ => {
                measured.newcomers.push_back(now);
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// Cores in use.
    fn share(&self) -> f64 {
        let (Some((since, before)), Some((now, used))) = (self.used.front(), self.used.back()) else {
            return 0.0;
        };
        let seconds = (*now - *since).as_secs_f64();
        if seconds > 0.0 { (used - before) / seconds } else { 0.0 }
    }
}

/// Measures the load, for as long as the server runs.
pub(crate) async fn measure(registry: Registry) {
    let mut period = interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = period.tick().await.into_std();
        let Some(seconds) = used() else {
            tracing::warn!("/proc/self/stat doesn't tell the processor time; WEIR_MAX_LOAD has no effect");
            return;
        };
        gauge!("weir_processor_load_ratio").set(registry.shared.processor.observe(now, seconds));
    }
}

/// Seconds of processor time that this process has used, in user and in kernel mode.
fn used() -> Option<f64> {
    seconds(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// `proc_pid_stat(5)`: the fields after the name, which may hold spaces, begin with the third.
fn seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split_ascii_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    Some((ticks.next()? + ticks.next()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine of four cores after ten seconds in which so many were in use.
    fn machine(cores: f64, most: Option<f64>) -> (Processor, Instant) {
        let processor = Processor::new(4, most);
        let start = Instant::now();
        for n in 0..=5 {
            processor.observe(start + n * PERIOD, 100.0 + f64::from(n) * 2.0 * cores);
        }
        (processor, start + 5 * PERIOD)
    }

    #[test]
    fn there_is_room_up_to_the_limit() {
        let (processor, now) = machine(3.0, Some(0.8));
        assert_eq!(processor.admit(now), Ok(()));
        let (processor, now) = machine(3.3, Some(0.8));
        assert_eq!(processor.admit(now), Err(Busy { percent: 83, most: 80 }));
        let (processor, now) = machine(4.0, None);
        assert_eq!(processor.admit(now), Ok(()));
    }

    #[test]
    fn streams_that_begin_at_once_do_not_all_find_the_same_room() {
        let (processor, now) = machine(2.0, Some(0.7));
        let admitted = (0..10).filter(|_| processor.admit(now).is_ok()).count();
        assert_eq!(admitted, 2);
        processor.observe(now + SPAN, 140.0);
        assert_eq!(processor.admit(now + SPAN), Ok(()), "the load shows them by now");
    }

    #[test]
    fn only_the_last_seconds_count() {
        let (processor, now) = machine(4.0, Some(0.5));
        for n in 1..=5 {
            processor.observe(now + n * PERIOD, 140.0);
        }
        assert_eq!(processor.admit(now + 5 * PERIOD), Ok(()));
    }

    #[test]
    fn the_system_tells_the_time_that_was_used() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 5 0 0 0 150 50 0 0 20 0 1 0";
        assert_eq!(seconds(stat), Some(2.0));
        assert_eq!(seconds("nonsense"), None);
    }
}

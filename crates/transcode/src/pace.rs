use media::{FrameRate, MediaDuration, TICKS_PER_SECOND, Timestamp};

/// Intervals that the measured rate is the median of.
const WINDOW: usize = 15;
/// Pictures further apart than this say nothing of the rate.
const SLOWEST: MediaDuration = MediaDuration::from_secs(1);

/// The rhythm of the pictures: measures it, and thins it evenly above a limit.
#[derive(Debug)]
pub(crate) struct Pace {
    shortest: MediaDuration,
    nominal: MediaDuration,
    previous: Option<Timestamp>,
    recent: Vec<MediaDuration>,
    next: usize,
    /// What `recent` says.
    measured: Option<MediaDuration>,
    due: Option<Timestamp>,
}

impl Pace {
    /// Lets `max_rate` pictures a second through.
    pub(crate) fn new(max_rate: u32) -> Self {
        let shortest = MediaDuration::from_samples(1, max_rate.max(1));
        let nominal = MediaDuration::from_samples(1, 30).max(shortest);
        let recent = Vec::with_capacity(WINDOW);
        Self { shortest, nominal, previous: None, recent, next: 0, measured: None, due: None }
    }

    /// The rate to assume until it is measured.
    pub(crate) fn set_nominal(&mut self, rate: FrameRate) {
        let interval = MediaDuration::from_samples(i64::from(rate.den), rate.num);
        self.nominal = interval.clamp(self.shortest, SLOWEST);
    }

    /// Whether the picture at `pts` is let through. Pictures come in order.
    pub(crate) fn admit(&mut self, pts: Timestamp) -> bool {
        self.measure(pts);
        // Half an interval of tolerance: timestamps in whole milliseconds jitter around a rate
        // that is exactly at the limit, and none of those pictures is to be lost.
        let tolerance = MediaDuration::from_ticks(self.shortest.ticks() / 2);
        match self.due {
            Some(due) if pts + tolerance < due => false,
            Some(due) => {
                self.due = Some(due.max(pts - tolerance) + self.shortest);
                true
            }
            None => {
                self.due = Some(pts + self.shortest);
                true
            }
        }
    }

    /// A session begins: the gap before it is no interval.
    pub(crate) fn restart(&mut self) {
        self.previous = None;
        self.recent.clear();
        self.next = 0;
        self.measured = None;
    }

    /// How long a picture of the output is shown.
    pub(crate) fn interval(&self) -> MediaDuration {
        self.measured.unwrap_or(self.nominal).max(self.shortest)
    }

    /// The same, unless fewer come than the publisher says: some may be lost, or left out on purpose.
    pub(crate) fn shortest_interval(&self) -> MediaDuration {
        self.interval().min(self.nominal)
    }

    /// Pictures a second that are let through, once there are a few.
    pub(crate) fn shown_rate(&self) -> Option<f64> {
        self.measured.map(|_| TICKS_PER_SECOND as f64 / self.interval().ticks() as f64)
    }

    /// Pictures a second that come in, once there are a few.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.measured.map(|interval| TICKS_PER_SECOND as f64 / interval.ticks() as f64)
    }

    fn measure(&mut self, pts: Timestamp) {
        if let Some(previous) = self.previous.replace(pts) {
            let interval = pts - previous;
            if interval <= MediaDuration::ZERO || interval > SLOWEST {
                return;
            }
            if self.recent.len() < WINDOW {
                self.recent.push(interval);
            } else {
                self.recent[self.next] = interval;
                self.next = (self.next + 1) % WINDOW;
            }
            self.measured = self.mean();
        }
    }

    /// The mean of the intervals around the median: neither a lost picture nor rounding to whole
    /// milliseconds moves it.
    fn mean(&self) -> Option<MediaDuration> {
        if self.recent.len() < 3 {
            return None;
        }
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        let quarter = sorted.len() / 4;
        let middle = &sorted[quarter..sorted.len() - quarter];
        let sum: MediaDuration = middle.iter().copied().sum();
        Some(MediaDuration::from_ticks(sum.ticks() / middle.len() as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admitted(rate: i64, seconds: i64, limit: u32) -> Vec<Timestamp> {
        let mut pace = Pace::new(limit);
        (0..rate * seconds)
            .map(|n| Timestamp::from_millis((n * 1000 + rate / 2) / rate))
            .filter(|&pts| pace.admit(pts))
            .collect()
    }

    #[test]
    fn a_rate_at_the_limit_loses_nothing() {
        assert_eq!(admitted(60, 600, 60).len(), 36_000);
        assert_eq!(admitted(30, 60, 60).len(), 1800);
    }

    #[test]
    fn a_rate_above_the_limit_is_thinned_evenly() {
        for (rate, seconds) in [(120, 20), (90, 20), (75, 20), (144, 20), (240, 20)] {
            let shown = admitted(rate, seconds, 60);
            let expected = 60 * seconds;
            assert!((shown.len() as i64 - expected).abs() <= expected / 20, "{rate}: {}", shown.len());
            let longest = shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(longest <= MediaDuration::from_millis(2 * 1000 / 60), "{rate}: {longest}");
        }
    }

    #[test]
    fn the_rate_is_measured_in_spite_of_rounding_and_losses() {
        let mut pace = Pace::new(60);
        for n in (0i64..100).filter(|n| n % 10 != 0) {
            pace.admit(Timestamp::from_millis((n * 1000 + 30) / 60));
        }
        assert!((pace.rate().unwrap() - 60.0).abs() < 1.5, "{:?}", pace.rate());
    }

    proptest! {
        #[test]
        fn the_limit_holds_for_any_rhythm(steps in prop::collection::vec(1i64..9000, 1..500)) {
            let mut pace = Pace::new(60);
            let mut pts = Timestamp::ZERO;
            let mut count = 0;
            for step in steps {
                pts += MediaDuration::from_ticks(step);
                count += i64::from(pace.admit(pts));
            }
            prop_assert!(count <= pts.since_origin().ticks() / 1500 + 2);
            prop_assert!(pace.interval() >= MediaDuration::from_ticks(1500));
        }
    }
}

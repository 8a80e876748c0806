/// What to do with a block of samples so that it lands where its timestamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// It follows seamlessly.
    Append,
    /// So many samples are missing before it.
    Fill(usize),
    /// So many samples at its beginning (or more than it has) come too late.
    Drop(usize),
}

/// Milliseconds of drift that are no longer a matter of clocks: something is missing or too much.
const BREAK_MS: i64 = 60;
/// Milliseconds of lasting drift above which it is corrected, and below which it is left alone.
const NOTICE_MS: f64 = 5.0;
const SETTLED_MS: f64 = 1.0;
/// Blocks that the drift is averaged over; single timestamps are rounded and jitter.
const SMOOTHING: f64 = 16.0;
/// Seconds in which the drift would be gone if it were worked off as fast as at first.
const TIME_CONSTANT: f64 = 5.0;
/// Part by which sound may be stretched: a tenth of a semitone.
const MAX_STRETCH: f64 = 0.005;

/// Keeps sound where its timestamps want it, without being moved by their jitter.
#[derive(Debug)]
pub(crate) struct Aligner {
    rate: u32,
    exact: bool,
    drift: f64,
    correcting: bool,
    compensation: i32,
}

impl Aligner {
    /// For sound at `rate`.
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, exact: true, drift: 0.0, correcting: false, compensation: 0 }
    }

    /// The next block is placed exactly: it is the first of a session.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.rate);
    }

    /// Decides on a block of `length` samples that begins `drift` samples after what has been
    /// produced (before it, if negative).
    pub(crate) fn place(&mut self, drift: i64, length: usize) -> Alignment {
        if self.exact || drift.abs() * 1000 > BREAK_MS * i64::from(self.rate) {
            let magnitude = usize::try_from(drift.unsigned_abs()).unwrap_or(usize::MAX);
            // A block that is dropped whole leaves the next one to be placed exactly, too.
            self.exact = drift < 0 && magnitude >= length;
            self.drift = 0.0;
            self.correcting = false;
            self.compensation = 0;
            return match drift {
                0 => Alignment::Append,
                1.. => Alignment::Fill(magnitude),
                _ => Alignment::Drop(magnitude),
            };
        }
        let rate = f64::from(self.rate);
        self.drift += (drift as f64 - self.drift) / SMOOTHING;
        // What this block was stretched by is seen in the drift of the next.
        let worked_off = f64::from(self.compensation) * length as f64 / rate;
        let millis = self.drift.abs() * 1000.0 / rate;
        self.correcting = millis > if self.correcting { SETTLED_MS } else { NOTICE_MS };
        self.compensation = 0;
        if self.correcting {
            let samples = (self.drift.abs() / TIME_CONSTANT).clamp(1.0, rate * MAX_STRETCH);
            self.compensation = samples.copysign(self.drift).round() as i32;
        }
        self.drift -= worked_off;
        Alignment::Append
    }

    /// By how many samples a second of the blocks that follow is to be longer, or shorter if negative.
    pub(crate) fn compensation(&self) -> i32 {
        self.compensation
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: i64 = 48_000;

    /// Feeds blocks of 1024 samples whose clock is off by `ppm` and whose timestamps jitter, and
    /// returns the largest distance from where each block should have been, once fifteen seconds have passed.
    fn worst_drift(ppm: f64, start: i64, jitter: &[i64], blocks: i64) -> i64 {
        let mut aligner = Aligner::new(RATE as u32);
        assert_eq!(aligner.place(0, 1024), Alignment::Append);
        let (mut produced, mut worst) = (1024.0, 0);
        for n in 1..blocks {
            let truth = start + ((n * 1024) as f64 * (1.0 + ppm / 1e6)) as i64;
            let stamped = truth + jitter[n as usize % jitter.len()];
            let begins = produced as i64;
            produced += 1024.0 + f64::from(aligner.compensation()) * 1024.0 / RATE as f64;
            assert_eq!(aligner.place(stamped - begins, 1024), Alignment::Append);
            if n > 15 * RATE / 1024 {
                worst = worst.max((begins - truth).abs());
            }
        }
        worst
    }

    #[test]
    fn ten_minutes_of_drifting_clocks_stay_within_ten_milliseconds() {
        for ppm in [-1000.0, -100.0, 0.0, 100.0, 1000.0] {
            let worst = worst_drift(ppm, 0, &[0, 24, -24, 10], 28_125);
            assert!(worst < RATE / 100, "{ppm} ppm: {worst} samples");
        }
    }

    #[test]
    fn a_step_below_a_break_is_worked_off() {
        for step in [-2400, -900, 900, 2400] {
            assert!(worst_drift(0.0, step, &[0], 1000) < RATE / 100, "{step}");
        }
    }

    #[test]
    fn rounding_alone_changes_nothing() {
        let mut aligner = Aligner::new(48_000);
        for n in 0..10_000i64 {
            let drift = [0, 47, -40, 20][n as usize % 4];
            let placed = aligner.place(if n == 0 { 0 } else { drift }, 1024);
            assert_eq!((placed, aligner.compensation()), (Alignment::Append, 0));
        }
    }

    #[test]
    fn gaps_are_filled_and_overlaps_dropped() {
        let mut aligner = Aligner::new(48_000);
        assert_eq!(aligner.place(300, 1024), Alignment::Fill(300), "the first block is exact");
        assert_eq!(aligner.place(300, 1024), Alignment::Append);
        assert_eq!(aligner.place(48_000, 1024), Alignment::Fill(48_000));
        assert_eq!(aligner.place(-5000, 1024), Alignment::Drop(5000));
        assert_eq!(aligner.place(-100, 1024), Alignment::Drop(100), "the end of an overlap is exact");
    }

    proptest! {
        #[test]
        fn any_drift_is_survived(drifts in prop::collection::vec(-(1i64 << 40)..1 << 40, 1..50), length in 1usize..10_000) {
            let mut aligner = Aligner::new(48_000);
            for drift in drifts {
                aligner.place(drift, length);
                prop_assert!(aligner.compensation().abs() <= 240);
            }
        }
    }
}

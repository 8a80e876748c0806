//! What an encoder's work costs it, and what it leaves out for that.

use std::time::Duration;

use media::Timestamp;
use transcode::Relief;

use super::meter::Meter;
use super::overload::{self, Load, Overload};

/// Measures an encoder's work and has [`Overload`] decide on it.
pub(super) struct Workload {
    overload: Overload,
    /// What is left out by its decision.
    relief: Relief,
    /// What it decides by.
    meter: Meter,
    /// Pictures were made short work of since the last decision, and others weren't.
    hurried: bool,
    unhurried: bool,
}

impl Workload {
    /// Of an encoder with so many faster presets.
    pub(super) fn new(presets: usize) -> Self {
        Self {
            overload: Overload::new(presets),
            relief: Relief::default(),
            meter: Meter::new(),
            hurried: false,
            unhurried: false,
        }
    }

    /// What is left out.
    pub(super) fn relief(&self) -> Relief {
        self.relief
    }

    /// Whether a packet that has waited for so long is to be made short work of.
    pub(super) fn hurries(&mut self, lag: Duration) -> bool {
        let hurries = self.overload.hurries(lag);
        self.hurried |= hurries;
        self.unhurried |= !hurries;
        hurries
    }

    /// Takes note of time spent in the transcoder.
    pub(super) fn spent(&mut self, busy: Duration) {
        self.meter.busy += busy;
    }

    /// What to leave out from now on, once that changes. The last packet had waited for `lag`, and output has come to
    /// `position`.
    pub(super) fn judge(&mut self, lag: Duration, position: Timestamp) -> Option<Relief> {
        let lap = self.meter.since.elapsed();
        if lap < overload::PERIOD {
            return None;
        }
        let busy = self.meter.busy;
        let (speed, _) = self.meter.lap(position, 0);
        // Where nothing was made, what it took says how busy the thread was.
        let cost = match speed {
            Some(speed) if speed > 0.0 => speed.recip(),
            _ => busy.as_secs_f64() / lap.as_secs_f64(),
        };
        let decoding = (!std::mem::take(&mut self.unhurried)).then_some(cost);
        // What wasn't encoded cost nothing; with it, the thread would not have kept up.
        let cost = if std::mem::take(&mut self.hurried) { cost.max(1.0) } else { cost };
        let relief = self.overload.observe(Load { lag, cost, decoding });
        let before = std::mem::replace(&mut self.relief, relief);
        if relief == before {
            return None;
        }
        let Relief { one_picture_in, faster, decode_skip } = relief;
        let lag = lag.as_millis() as u64;
        let is_less = one_picture_in > before.one_picture_in
            || faster > before.faster
            || decode_skip > before.decode_skip;
        if is_less {
            let message = "encoding falls behind real time; less is encoded";
            tracing::warn!(one_picture_in, faster, ?decode_skip, lag, cost, "{message}");
        } else {
            let message = "encoding keeps up; more is encoded again";
            tracing::info!(one_picture_in, faster, ?decode_skip, lag, cost, "{message}");
        }
        Some(relief)
    }
}

use std::time::{Duration, Instant};

use media::Timestamp;

/// Takes the encoder's pace.
pub(super) struct Meter {
    pub(super) since: Instant,
    position: Timestamp,
    frames: u64,
    /// Time spent in the transcoder, since then.
    pub(super) busy: Duration,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), position: Timestamp::ZERO, frames: 0, busy: Duration::ZERO }
    }

    /// Speed and frame rate since the last lap.
    pub(super) fn lap(&mut self, position: Timestamp, frames: u64) -> (Option<f64>, f64) {
        let made = (position - self.position).as_secs_f64();
        let speed = (!self.busy.is_zero()).then(|| made / self.busy.as_secs_f64());
        let frame_rate = (frames - self.frames) as f64 / self.since.elapsed().as_secs_f64();
        *self = Self { since: Instant::now(), position, frames, busy: Duration::ZERO };
        (speed, frame_rate)
    }
}

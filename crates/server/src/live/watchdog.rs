//! Notices within seconds what stands still in a broadcast, and names it: in the log, the status and the metrics.

use std::time::{Duration, Instant};

use metrics::counter;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

use super::broadcast::{Broadcast, Presence};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);
/// A publisher's silence that is told of.
const SILENCE: Duration = Duration::from_secs(2);
/// Looks without any progress after which an encoder, and the uploads, are told of. Looks are counted, and no time
/// measured: a machine that was suspended has nothing that hangs.
const ENCODER: u32 = 3;
const UPLOAD: u32 = 5;
/// Those after which the encoder is given up.
const HANGS: u32 = 8;

/// What can stand still in a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Station {
    /// It is connected, and sends nothing. Its session ends after the idle timeout.
    Publisher,
    /// Its thread hangs. The broadcast ends after 8 s.
    Encoder,
    /// The object store takes nothing. Segments are given up when too many wait.
    Upload,
}

impl Station {
    pub(crate) const ALL: [Self; 3] = [Self::Publisher, Self::Encoder, Self::Upload];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Encoder => "encoder",
            Self::Upload => "upload",
        }
    }

    fn tell(self, stalls: bool) {
        match (self, stalls) {
            (Self::Publisher, true) => tracing::warn!("the publisher is connected and sends nothing"),
            (Self::Publisher, false) => tracing::info!("the publisher sends again, or is gone"),
            (Self::Encoder, true) => tracing::warn!("the encoder stands still"),
            (Self::Encoder, false) => tracing::info!("the encoder goes on"),
            (Self::Upload, true) => tracing::warn!("the object store takes nothing; segments wait"),
            (Self::Upload, false) => tracing::info!("uploads go on"),
        }
    }
}

/// What is to be seen of a broadcast.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    /// How long its publisher has been silent; `None` while there is none.
    silence: Option<Duration>,
    /// Grows as the encoder gets on.
    beats: u64,
    /// Grows with each segment that is stored or given up.
    uploaded: u64,
    /// Segments wait to be stored.
    pending: bool,
}

#[derive(Default)]
struct Watchdog {
    encoder: Progress,
    upload: Progress,
}

/// A number that is to grow.
#[derive(Default)]
struct Progress {
    last: u64,
    /// Looks since it did.
    still: u32,
}

impl Progress {
    fn look(&mut self, now: u64) -> u32 {
        self.still = if now == self.last { self.still.saturating_add(1) } else { 0 };
        self.last = now;
        self.still
    }
}

impl Watchdog {
    /// Looks once. Answers what stands still.
    fn look(&mut self, signs: Signs) -> Vec<Station> {
        let encoder = self.encoder.look(signs.beats);
        let upload = self.upload.look(signs.uploaded);
        if !signs.pending {
            self.upload.still = 0;
        }
        let stalls = |station: &Station| match station {
            Station::Publisher => signs.silence.is_some_and(|silence| silence >= SILENCE),
            Station::Encoder => encoder >= ENCODER,
            Station::Upload => signs.pending && upload >= UPLOAD,
        };
        Station::ALL.into_iter().filter(stalls).collect()
    }

    fn hangs(&self) -> bool {
        self.encoder.still >= HANGS
    }
}

/// Looks after a broadcast until its encoder hangs.
pub(super) async fn watch(broadcast: &Broadcast) {
    let mut period = interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watchdog = Watchdog::default();
    let mut before = Vec::new();
    while !watchdog.hangs() {
        period.tick().await;
        let stalled = watchdog.look(signs(broadcast));
        for station in Station::ALL {
            let (was, is) = (before.contains(&station), stalled.contains(&station));
            if was != is {
                station.tell(is);
            }
            if is && !was {
                counter!("weir_stalls_total", "station" => station.name()).increment(1);
            }
        }
        broadcast.health.set_stalled(stalled.clone());
        before = stalled;
    }
}

fn signs(broadcast: &Broadcast) -> Signs {
    let silence = match &*broadcast.presence.borrow() {
        Presence::Publishing(claim) => Some(claim.silence(Instant::now())),
        Presence::Away(_) | Presence::Ending(_) => None,
    };
    let upload = broadcast.upload_health();
    Signs {
        silence,
        beats: broadcast.pulse.beats(),
        uploaded: upload.segments_stored + upload.segments_dropped,
        pending: upload.pending_segments > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(silence: u64) -> Option<Duration> {
        Some(Duration::from_secs(silence))
    }

    #[test]
    fn a_broadcast_that_goes_on_has_nothing_that_stands_still() {
        let mut watchdog = Watchdog::default();
        for beats in 1..100 {
            let signs = Signs { silence: seconds(1), beats, uploaded: beats / 4, pending: true };
            assert_eq!(watchdog.look(signs), []);
        }
        for beats in 100..200 {
            assert_eq!(
                watchdog.look(Signs { beats, uploaded: 24, ..Signs::default() }),
                [],
                "nothing to store"
            );
        }
        assert!(!watchdog.hangs());
    }

    #[test]
    fn each_station_is_named_and_recovers() {
        let mut watchdog = Watchdog::default();
        let mut beats = 0;
        let mut look = |silence, uploaded| {
            beats += 1;
            watchdog.look(Signs { silence, beats, uploaded, pending: true })
        };
        assert_eq!(look(seconds(2), 1), [Station::Publisher]);
        assert_eq!(look(None, 2), []);
        let stalled: Vec<_> = (0..6).map(|_| look(None, 2)).collect();
        assert_eq!((stalled[3].as_slice(), stalled[4].as_slice()), (&[][..], &[Station::Upload][..]));
        assert_eq!(look(None, 3), []);
    }

    #[test]
    fn an_encoder_that_hangs_is_named_first_and_given_up_then() {
        let mut watchdog = Watchdog::default();
        watchdog.look(Signs { beats: 1, ..Signs::default() });
        for still in 1..=HANGS {
            assert!(!watchdog.hangs());
            let stalled = watchdog.look(Signs { beats: 1, ..Signs::default() });
            assert_eq!(stalled.contains(&Station::Encoder), still >= ENCODER);
        }
        assert!(watchdog.hangs());
    }
}

//! Troubles, drawn from a seed: what comes next depends on nothing but the numbers before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scenarios::{Fault, FaultProxy, Publisher};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// How often each trouble was.
pub(super) type Counts = BTreeMap<&'static str, u32>;

/// Held while the object store is in trouble.
pub(super) type StoreTrouble = Arc<Mutex<()>>;

fn milliseconds(random: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.random_range(range))
}

/// Brings trouble upon the object store until then; the network to it is good afterwards.
pub(super) async fn of_the_store(
    network: FaultProxy,
    seed: u64,
    until: Instant,
    now: StoreTrouble,
) -> (FaultProxy, Counts) {
    let (mut random, mut counts) = (StdRng::seed_from_u64(seed), Counts::new());
    while Instant::now() < until {
        let (calm, lasts) =
            (milliseconds(&mut random, 2_000..10_000), milliseconds(&mut random, 200..12_000));
        let long = random.random_range(0..8) == 0;
        let (name, fault) = match random.random_range(0..9) {
            0 => ("store: latency", Fault::Latency(milliseconds(&mut random, 50..1_500))),
            1 => ("store: reset", Fault::Reset),
            2 => ("store: refused", Fault::Refuse),
            3 => ("store: black hole", Fault::BlackHole),
            4 => ("store: half-open", Fault::HalfOpen),
            5 => ("store: truncated", Fault::Truncate(random.random_range(1..400))),
            6 => ("store: 500", Fault::Status(500)),
            7 => ("store: 503", Fault::Status(503)),
            _ => ("store: 403", Fault::Status(403)),
        };
        sleep(calm).await;
        let _now = now.lock().await;
        network.set(fault);
        // Now and then for longer than segments may wait.
        sleep(if long { Duration::from_secs(30) } else { lasts }).await;
        network.set(Fault::None);
        *counts.entry(name).or_default() += 1;
        if long {
            *counts.entry("store: … for 30 s").or_default() += 1;
        }
    }
    (network, counts)
}

/// Somebody who publishes over a bad network, with another encoder now and then, and always comes back.
pub(super) struct Unlucky {
    url: String,
    network: FaultProxy,
    sources: Arc<Vec<Vec<String>>>,
    publisher: Publisher,
    /// How many encoders there were; each is the next of the sources.
    encoders: usize,
    random: StdRng,
    counts: Counts,
}

impl Unlucky {
    /// Publishes to `url`, whose port is the network's.
    pub(super) fn start(url: String, network: FaultProxy, sources: Arc<Vec<Vec<String>>>, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let encoders = seed as usize % sources.len();
        let publisher = Publisher::start(sources[encoders].clone(), &url);
        Self { url, network, sources, publisher, encoders, random, counts: Counts::new() }
    }

    /// One trouble after the other until then; afterwards it publishes as if nothing had been.
    pub(super) async fn run(mut self, until: Instant) -> (Self, Counts) {
        while Instant::now() < until {
            let calm = milliseconds(&mut self.random, 3_000..15_000);
            self.publish_for(calm).await;
            let name = self.trouble().await;
            *self.counts.entry(name).or_default() += 1;
        }
        self.publish_for(Duration::from_secs(5)).await;
        let counts = std::mem::take(&mut self.counts);
        (self, counts)
    }

    /// Goes on publishing, and comes back when its connection has ended.
    async fn publish_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if !self.publisher.is_running() {
                self.comes_back();
            }
            // Whoever gave up tries again after a second, as encoders do.
            sleep_until(until.min(Instant::now() + Duration::from_secs(1))).await;
        }
    }

    fn comes_back(&mut self) {
        self.encoders += 1;
        let source = self.sources[self.encoders % self.sources.len()].clone();
        self.publisher = Publisher::start(source, &self.url);
    }

    async fn trouble(&mut self) -> &'static str {
        let lasts = milliseconds(&mut self.random, 100..6_000);
        let (name, fault) = match self.random.random_range(0..9) {
            0 => ("publisher: reset", Fault::Reset),
            8 => ("publisher: cut off", Fault::CutOff),
            1 => ("publisher: half-open", Fault::HalfOpen),
            2 => ("publisher: black hole", Fault::BlackHole),
            3 => ("publisher: latency", Fault::Latency(lasts / 10)),
            4 | 5 => {
                self.publisher.kill().await;
                sleep(lasts).await;
                return "publisher: killed";
            }
            6 => {
                // Its successor comes while the server still has the old connection.
                self.comes_back();
                return "publisher: replaced";
            }
            _ => {
                if self.publisher.is_running() {
                    self.publisher.pause();
                    sleep(lasts).await;
                    self.publisher.resume();
                }
                return "publisher: silent";
            }
        };
        self.network.set(fault);
        // A connection that breaks is back at once, or later.
        sleep(if fault == Fault::HalfOpen { lasts / 10 } else { lasts }).await;
        self.network.set(Fault::None);
        name
    }
}

//! Streams that are played from other RTMP servers, instead of being published to this one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use metrics::counter;
use rtmp_ingest::{Limits, SourceUrl};
use serde::Serialize;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use utoipa::ToSchema;

use super::player::{self, PlayError};
use crate::catalog::{Catalog, CatalogError, VideoId};
use crate::live::{Origin, Registry, whole_millis};

/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A source that played for so long has been well: its next failure is a first one.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// All streams that are played from elsewhere. A clone is the same.
#[derive(Clone)]
pub(crate) struct Pulls {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    catalog: Catalog,
    limits: Limits,
    tls: TlsConnector,
    running: Mutex<HashMap<VideoId, Pull>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

struct Pull {
    cancel: CancellationToken,
    status: Arc<Mutex<SourceStatus>>,
}

/// How a stream's source is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceStatus {
    /// Where it plays from, without the name of the stream, which may be a secret.
    url: String,
    state: SourceState,
    /// What went wrong last; null since it plays.
    last_error: Option<String>,
    /// When it is tried again; null unless it waits.
    #[serde(with = "time::serde::rfc3339::option")]
    retry_at: Option<time::OffsetDateTime>,
}

/// What a source is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SourceState {
    /// It is being connected to, or its first picture is awaited.
    Connecting,
    /// Its media come.
    Playing,
    /// It failed or ended, and is tried again.
    Waiting,
}

impl Pulls {
    pub(crate) fn new(
        registry: Registry,
        catalog: Catalog,
        limits: Limits,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = Shared {
            registry,
            catalog,
            limits,
            tls: player::tls(),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            shutdown,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Goes on with what was started before the server was.
    pub(crate) async fn resume(&self) -> Result<(), CatalogError> {
        for (id, url) in self.shared.catalog.sources().await? {
            match url.0.parse() {
                Ok(url) => self.start(&id, url),
                Err(error) => tracing::error!(stream = %id, %error, "the catalog's source cannot be played"),
            }
        }
        Ok(())
    }

    /// Plays `url` into the stream until it is stopped, in place of what was played before.
    pub(crate) fn start(&self, id: &VideoId, url: SourceUrl) {
        let status = Arc::new(Mutex::new(SourceStatus {
            url: url.to_string(),
            state: SourceState::Connecting,
            last_error: None,
            retry_at: None,
        }));
        let pull = Pull { cancel: self.shared.shutdown.child_token(), status: status.clone() };
        let task =
            Task { shared: self.shared.clone(), id: id.clone(), url, status, cancel: pull.cancel.clone() };
        if let Some(before) = self.shared.lock().insert(id.clone(), pull) {
            before.cancel.cancel();
        }
        let span = tracing::info_span!("pull", stream = %id);
        self.shared.tasks.spawn(task.run().instrument(span));
    }

    /// Plays it no more.
    pub(crate) fn stop(&self, id: &VideoId) {
        if let Some(pull) = self.shared.lock().remove(id) {
            pull.cancel.cancel();
        }
    }

    /// How the stream's source is doing, if it has one.
    pub(crate) fn status(&self, id: &VideoId) -> Option<SourceStatus> {
        let running = self.shared.lock();
        running.get(id).map(|pull| pull.status.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Waits, after shutdown was asked for, until none plays any more.
    pub(crate) async fn ended(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Pull>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one source.
struct Task {
    shared: Arc<Shared>,
    id: VideoId,
    url: SourceUrl,
    status: Arc<Mutex<SourceStatus>>,
    cancel: CancellationToken,
}

impl Task {
    async fn run(self) {
        let mut failures = 0;
        while !self.cancel.is_cancelled() {
            self.show(SourceState::Connecting, None);
            counter!("weir_pull_attempts_total").increment(1);
            let Err(error) = self.play(&mut failures).await else { return };
            let pause = pause(failures, rand::random());
            failures += 1;
            let is_end = matches!(error, PlayError::Finished);
            if is_end {
                tracing::info!(?pause, "the source ended the stream; it may begin again");
            } else {
                counter!("weir_pull_failures_total").increment(1);
                tracing::warn!(source = %self.url, %error, ?pause, "the source does not play; trying on");
            }
            self.show(SourceState::Waiting, Some((error.to_string(), pause)));
            // Cancelled or not, the loop's condition decides.
            self.cancel.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Plays once; `Ok` when it is not wanted any more. Having played well, it has not failed.
    async fn play(&self, failures: &mut u32) -> Result<(), PlayError> {
        let stream = self.shared.catalog.get(&self.id).await?;
        let Some(stream) = stream.filter(|stream| stream.armed) else { return Ok(()) };
        let opened = player::open(&self.url, self.shared.limits.clone(), &self.shared.tls);
        let Some(opened) = self.cancel.run_until_cancelled(opened).await else { return Ok(()) };
        let opened = opened?;
        let attached = self.shared.registry.attach(&stream, Origin::Source).await?;
        self.show(SourceState::Playing, None);
        tracing::info!(source = %self.url, "playing");
        let began = Instant::now();
        let over = opened.feed(attached, self.url.to_string(), &self.cancel).await;
        if began.elapsed() > WELL_AFTER {
            *failures = 0;
        }
        over
    }

    fn show(&self, state: SourceState, failure: Option<(String, Duration)>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.state = state;
        status.retry_at = failure.as_ref().map(|(_, pause)| whole_millis(SystemTime::now() + *pause));
        match failure {
            Some((error, _)) => status.last_error = Some(error),
            None if state == SourceState::Playing => status.last_error = None,
            None => {}
        }
    }
}

/// The pause after so many failures: doubled with each, bounded, and `jitter` (0 to 1) of half of it
/// taken off, so that streams of one source don't come back all at once.
fn pause(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        assert_eq!(pause(0, 0.0), FIRST_PAUSE);
        assert_eq!(pause(1, 0.0), FIRST_PAUSE * 2);
        assert_eq!(pause(1, 1.0), FIRST_PAUSE);
        assert_eq!(pause(u32::MAX, 0.0), LONGEST_PAUSE);
    }
}

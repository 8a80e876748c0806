//! Whether a publish is allowed, and to which stream: the catalog's word, and the hook's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::counter;
use rtmp_ingest::{PublishRequest, Refusal};

use super::APP;
use super::failed_keys::{FailedKeys, Turn};
use super::hook::{Answer, Hook};
use crate::catalog::{Catalog, CatalogError, Stream, VideoId};

/// How long a catalog may take to say whose a key is.
const CATALOG_LIMIT: Duration = Duration::from_secs(5);
/// Characters of a hook's reason that an encoder is told.
const REASON_LIMIT: usize = 200;

/// Decides on publishes.
pub(super) struct Authority {
    catalog: Catalog,
    hook: Option<Hook>,
    failed_keys: Arc<FailedKeys>,
}

/// A publish that isn't allowed.
pub(super) struct Denial {
    pub(super) refusal: Refusal,
    /// What the encoder is told instead of the refusal's own words.
    pub(super) reason: Option<String>,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, reason: None }
    }
}

impl Denial {
    /// What the encoder is told.
    pub(super) fn description(&self) -> &str {
        self.reason.as_deref().unwrap_or(self.refusal.description())
    }
}

impl Authority {
    pub(super) fn new(catalog: Catalog, hook: Option<Hook>, failed_keys: Arc<FailedKeys>) -> Self {
        Self { catalog, hook, failed_keys }
    }

    /// The stream that `request` may publish to. Dropping the future withdraws the question.
    pub(super) async fn check(&self, request: &PublishRequest, peer: SocketAddr) -> Result<Stream, Denial> {
        if request.app != APP {
            return Err(Refusal::UnknownApp.into());
        }
        let known = self.answer(self.catalog.find_by_key(request.key.expose())).await?;
        let is_known = known.is_some();
        if !is_known {
            self.wait(peer).await?;
        }
        let stream = match &self.hook {
            None => known.ok_or_else(|| Refusal::Unauthorized.into()),
            Some(hook) => self.ask(hook, request, peer, known).await,
        };
        let refused = stream.as_ref().err().map(|denial| denial.refusal);
        if !is_known && matches!(refused, Some(Refusal::Unauthorized | Refusal::NotAllowed)) {
            self.failed_keys.failed(peer.ip(), Instant::now());
        }
        let stream = stream?;
        if stream.armed { Ok(stream) } else { Err(Refusal::Disarmed.into()) }
    }

    /// Holds a key back that the catalog doesn't know, if its address has sent wrong ones.
    async fn wait(&self, peer: SocketAddr) -> Result<(), Denial> {
        let turn = self.failed_keys.turn(peer.ip(), Instant::now());
        if !matches!(turn, Turn::Now) {
            counter!("weir_rtmp_limit_hits_total", "limit" => "failed_keys").increment(1);
        }
        match turn {
            Turn::Now => Ok(()),
            Turn::After(wait, _waiting) => {
                tracing::debug!(?wait, "the address has sent wrong keys: this one waits");
                tokio::time::sleep(wait).await;
                Ok(())
            }
            // Which only the hook may know.
            Turn::Refused if self.hook.is_some() => Err(Refusal::Overloaded.into()),
            Turn::Refused => Err(Refusal::Unauthorized.into()),
        }
    }

    async fn ask(
        &self,
        hook: &Hook,
        request: &PublishRequest,
        peer: SocketAddr,
        known: Option<Stream>,
    ) -> Result<Stream, Denial> {
        let address = peer.ip().to_canonical().to_string();
        let answer = hook.ask(request, address).await.map_err(|error| {
            counter!("weir_on_publish_failures_total").increment(1);
            tracing::error!(%error, "the on_publish hook gave no answer: the publish is refused");
            Denial::from(Refusal::Unchecked)
        })?;
        match answer {
            Answer::Allowed => known.ok_or_else(|| Refusal::Unauthorized.into()),
            Answer::Is(id) => self.stream(&id).await,
            Answer::Refused(reason) => {
                Err(Denial { refusal: Refusal::NotAllowed, reason: reason.as_deref().and_then(presentable) })
            }
        }
    }

    async fn stream(&self, id: &VideoId) -> Result<Stream, Denial> {
        self.answer(self.catalog.get(id)).await?.ok_or_else(|| {
            tracing::error!(stream = %id, "the on_publish hook named a stream that does not exist");
            Refusal::Unchecked.into()
        })
    }

    async fn answer(
        &self,
        asked: impl Future<Output = Result<Option<Stream>, CatalogError>>,
    ) -> Result<Option<Stream>, Denial> {
        match tokio::time::timeout(CATALOG_LIMIT, asked).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                tracing::error!(%error, "a publish could not be checked");
                Err(Refusal::Unchecked.into())
            }
            Err(_) => {
                tracing::error!("a publish could not be checked: the catalog does not answer");
                Err(Refusal::Unchecked.into())
            }
        }
    }
}

/// A reason as an encoder's window and a log line can show it.
fn presentable(reason: &str) -> Option<String> {
    let text: String = reason.chars().filter(|c| !c.is_control()).take(REASON_LIMIT).collect();
    (!text.trim().is_empty()).then_some(text)
}

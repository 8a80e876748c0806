//! Webhooks: events, told to other servers in signed requests (<https://www.standardwebhooks.com>).
//!
//! The events in the catalog are the outbox, and each endpoint keeps its place in them there, so that a
//! crash loses none. An endpoint has a task of its own: what ails one doesn't hold up another.

mod address;
mod backoff;
mod courier;
mod endpoint;
mod sender;
mod signature;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::catalog::{Catalog, CatalogError};
use crate::config::WebhookConfig;
use courier::Courier;
pub use endpoint::EndpointUrlError;
pub(crate) use endpoint::{Delivery, Disabled, EndpointUrl, Progress, Webhook, WebhookId};
pub use sender::ClientError;
use sender::Sender;
pub(crate) use sender::{Attempt, SendError};
pub use signature::SecretError;
pub(crate) use signature::SigningSecret;
pub use trial::{Trial, TrialError, try_webhook};

/// Endpoints at a time.
pub(crate) const MAX_WEBHOOKS: u32 = 32;

/// All endpoints' tasks. A clone is the same.
#[derive(Clone)]
pub(crate) struct Webhooks {
    shared: Arc<Shared>,
}

struct Shared {
    catalog: Catalog,
    sender: Sender,
    /// How long an endpoint may fail before it is disabled.
    retry_for: Duration,
    /// Somebody has changed an endpoint.
    changes: watch::Sender<()>,
    tasks: TaskTracker,
    /// What is due may still be sent, but nothing is waited for.
    stop: CancellationToken,
    /// Whatever is being sent is given up.
    abort: CancellationToken,
}

impl Webhooks {
    /// # Errors
    ///
    /// The TLS library refuses.
    pub(crate) fn new(config: &WebhookConfig, catalog: Catalog) -> Result<Self, ClientError> {
        let shared = Shared {
            catalog,
            sender: Sender::new(config)?,
            retry_for: config.retry_for,
            changes: watch::Sender::new(()),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Goes on with every endpoint where it was.
    pub(crate) async fn resume(&self) -> Result<(), CatalogError> {
        for webhook in self.shared.catalog.webhooks().await? {
            self.serve(webhook.id);
        }
        Ok(())
    }

    /// Begins to serve an endpoint; its task ends with its record.
    pub(crate) fn serve(&self, id: WebhookId) {
        let span = tracing::info_span!("webhook", webhook = %id);
        let courier = Courier::new(self.shared.clone(), id);
        self.shared.tasks.spawn(courier.run().instrument(span));
    }

    /// Lets the tasks look at what was changed in the catalog.
    pub(crate) fn changed(&self) {
        self.shared.changes.send_replace(());
    }

    /// Whether an endpoint of that URL could be sent to, as far as the URL itself says.
    pub(crate) fn allows(&self, url: &EndpointUrl) -> Result<(), SendError> {
        self.shared.sender.allows(url)
    }

    /// Sends an endpoint an event that did not happen.
    pub(crate) async fn test(&self, webhook: &Webhook) -> Attempt {
        trial::send(&self.shared.sender, &webhook.url, &webhook.secrets()).await
    }

    /// Sends what is due, as far as that goes within `grace`.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(grace, self.shared.tasks.wait()).await.is_err() {
            self.shared.abort.cancel();
            self.shared.tasks.wait().await;
        }
    }
}

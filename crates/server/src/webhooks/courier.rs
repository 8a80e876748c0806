//! One endpoint's task: event after event, each until it is delivered.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::counter;
use tokio::sync::watch;

use super::Shared;
use super::backoff;
use super::endpoint::{Delivery, Disabled, Progress, Webhook, WebhookId};
use super::sender::{Attempt, SendError};
use crate::catalog::CatalogError;
use crate::events::Event;

/// Events that are looked at together.
const PAGE: u32 = 100;
/// How long a catalog that fails is left alone.
const CATALOG_PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Courier {
    shared: Arc<Shared>,
    id: WebhookId,
    /// The number of the newest event.
    newest: watch::Receiver<i64>,
    changes: watch::Receiver<()>,
}

/// What is to be done after a step.
enum Next {
    /// There may be more to do.
    Step,
    /// Nothing, until there is another event.
    Event,
    /// Nothing, until the endpoint is changed.
    Change,
    /// Nothing, for so long.
    After(Duration),
    /// The endpoint was removed.
    End,
}

impl Courier {
    pub(super) fn new(shared: Arc<Shared>, id: WebhookId) -> Self {
        let (newest, changes) = (shared.catalog.newest_event(), shared.changes.subscribe());
        Self { shared, id, newest, changes }
    }

    pub(super) async fn run(mut self) {
        let abort = self.shared.abort.clone();
        abort.run_until_cancelled(self.serve()).await;
    }

    async fn serve(&mut self) {
        loop {
            self.changes.borrow_and_update();
            let next = self.step().await.unwrap_or_else(|error| {
                tracing::error!(%error, "a webhook cannot go on; trying again");
                Next::After(CATALOG_PAUSE)
            });
            let pause = match next {
                Next::Step => continue,
                Next::End => return,
                Next::After(pause) => Some(pause),
                Next::Event | Next::Change => None,
            };
            // What waits is in the catalog: the next start goes on with it.
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return,
                changed = self.changes.changed() => if changed.is_err() { return },
                changed = self.newest.changed(), if matches!(next, Next::Event) => if changed.is_err() { return },
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    async fn step(&mut self) -> Result<Next, CatalogError> {
        let catalog = &self.shared.catalog;
        let Some(webhook) = catalog.webhook(&self.id).await? else { return Ok(Next::End) };
        if webhook.disabled.is_some() {
            return Ok(Next::Change);
        }
        let early = webhook.progress.next_attempt.map(|due| due.duration_since(SystemTime::now()));
        if let Some(Ok(early)) = early {
            return Ok(Next::After(early));
        }
        self.newest.borrow_and_update();
        let last = webhook.progress.last_event;
        let page = catalog.events_after(last, None, PAGE).await?;
        let (Some(first), Some(end)) = (page.first(), page.last()) else { return Ok(Next::Event) };
        if let missed @ 1.. = first.id - last - 1 {
            counter!("weir_webhook_events_missed_total").increment(missed.unsigned_abs());
            tracing::warn!(missed, "events were removed before a webhook was told of them");
        }
        match page.iter().find(|event| webhook.wants(event)) {
            Some(event) => self.deliver(&webhook, event).await,
            None => {
                catalog.webhook_passed(&webhook, end.id).await?;
                Ok(Next::Step)
            }
        }
    }

    async fn deliver(&self, webhook: &Webhook, event: &Event) -> Result<Next, CatalogError> {
        // The same for each attempt, so that who gets an event twice knows.
        let id = format!("msg_{}_{}", webhook.id, event.id);
        let body = serde_json::to_string(event).unwrap_or_default();
        let attempt = self.shared.sender.send(&webhook.url, &id, body, &webhook.secrets()).await;
        let (progress, disabled) = self.judge(&webhook.progress, event, &attempt);
        let outcome = if attempt.error.is_none() { "delivered" } else { "failed" };
        counter!("weir_webhook_attempts_total", "outcome" => outcome).increment(1);
        match (&attempt.error, webhook.progress.failures) {
            (Some(error), 0) => tracing::warn!(%error, event = event.id, "a webhook fails; trying on"),
            (None, 1..) => tracing::info!(event = event.id, "a webhook works again"),
            (Some(_), 1..) | (None, 0) => {}
        }
        let delivery = Delivery::new(event, attempt);
        let counts =
            self.shared.catalog.webhook_attempted(webhook, &delivery, &progress, disabled.as_ref()).await?;
        if let Some(disabled) = disabled.filter(|_| counts) {
            counter!("weir_webhooks_disabled_total").increment(1);
            tracing::error!(reason = disabled.reason, "a webhook is disabled");
        }
        Ok(Next::Step)
    }

    /// What an attempt makes of an endpoint.
    fn judge(&self, before: &Progress, event: &Event, attempt: &Attempt) -> (Progress, Option<Disabled>) {
        let Some(error) = &attempt.error else {
            return (Progress { last_event: event.id, ..Progress::default() }, None);
        };
        let now = attempt.at + attempt.duration;
        let since = before.failing_since.unwrap_or(attempt.at);
        let failures = before.failures.saturating_add(1);
        let asked = attempt.answer.as_ref().and_then(|answer| answer.retry_after);
        let pause = backoff::pause(failures, rand::random()).max(asked.unwrap_or_default());
        // The last attempt is made when the time is over, and not before.
        let give_up = since + self.shared.retry_for;
        let reason = match error {
            SendError::Gone => Some(error.to_string()),
            _ if now >= give_up => Some(format!("it has failed {failures} times, at last: {error}")),
            _ => None,
        };
        let progress = Progress {
            last_event: event.id - 1,
            failures,
            failing_since: Some(since),
            next_attempt: Some((now + pause).min(give_up)),
        };
        (progress, reason.map(|reason| Disabled { at: now, reason }))
    }
}

impl Delivery {
    fn new(event: &Event, attempt: Attempt) -> Self {
        let (status, answer) = match attempt.answer {
            Some(answer) => (Some(answer.status.as_u16()), answer.text),
            None => (None, String::new()),
        };
        Self {
            event_id: event.id,
            event_type: event.kind.clone(),
            at: attempt.at,
            duration: attempt.duration,
            status,
            answer,
            error: attempt.error.map(|error| error.to_string()),
        }
    }
}

//! The endpoints of webhooks: their places in the events, and their newest attempts.

use std::time::{Duration, SystemTime};

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::stream::time;
use super::{Catalog, Result, events, failed, millis};
use crate::events::EventType;
use crate::webhooks::{Delivery, Disabled, MAX_WEBHOOKS, Progress, SigningSecret, Webhook, WebhookId};

/// Attempts that are remembered of each endpoint.
pub(crate) const DELIVERIES_KEPT: u32 = 100;
/// How long a secret that was replaced still signs.
const OLD_SECRET_SIGNS: Duration = Duration::from_secs(24 * 60 * 60);

const COLUMNS: &str = "webhook_id, url, secret, old_secret, old_secret_until, event_types, created_at, \
                       disabled_at, disabled_reason, last_event, failures, failing_since, next_attempt_at, changes";

impl Catalog {
    /// Adds an endpoint, to be told of what happens from now on; `false` if there are as many as may be.
    pub(crate) async fn add_webhook(&self, webhook: &Webhook) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO webhooks (webhook_id, url, secret, event_types, created_at, disabled_at, \
             disabled_reason, last_event) SELECT $1, $2, $3, $4, $5, $6, $7, last_id FROM event_counter \
             WHERE (SELECT COUNT(*) FROM webhooks) < $8",
        )
        .bind(webhook.id.as_str())
        .bind(webhook.url.as_str())
        .bind(webhook.secret.expose())
        .bind(types_to_text(webhook.event_types.as_deref()))
        .bind(millis(webhook.created_at))
        .bind(webhook.disabled.as_ref().map(|disabled| millis(disabled.at)))
        .bind(webhook.disabled.as_ref().map(|disabled| disabled.reason.as_str()))
        .bind(i64::from(MAX_WEBHOOKS))
        .execute(&self.pool)
        .await
        .map_err(failed("add a webhook"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The endpoints, oldest first.
    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM webhooks ORDER BY created_at, webhook_id"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the webhooks"))
    }

    /// One endpoint.
    pub(crate) async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM webhooks WHERE webhook_id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a webhook"))
    }

    /// Sends an endpoint what it wants where it wants it, if it is to be sent anything; what is due is tried at once.
    /// `false` where it was changed, or removed, since `webhook` was read.
    pub(crate) async fn change_webhook(&self, webhook: &Webhook) -> Result<bool> {
        let disabled = webhook.disabled.as_ref();
        let done = sqlx::query(
            "UPDATE webhooks SET url = $3, event_types = $4, disabled_at = $5, disabled_reason = $6, \
             failures = 0, failing_since = NULL, next_attempt_at = NULL, changes = changes + 1 \
             WHERE webhook_id = $1 AND changes = $2",
        )
        .bind(webhook.id.as_str())
        .bind(webhook.changes)
        .bind(webhook.url.as_str())
        .bind(types_to_text(webhook.event_types.as_deref()))
        .bind(disabled.map(|disabled| millis(disabled.at)))
        .bind(disabled.map(|disabled| disabled.reason.as_str()))
        .execute(&self.pool)
        .await
        .map_err(failed("change a webhook"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives an endpoint a new secret; until when the one before it signs as well, for another day. `None` where there is no
    /// such endpoint.
    pub(crate) async fn rotate_webhook_secret(
        &self,
        id: &WebhookId,
        secret: &SigningSecret,
    ) -> Result<Option<SystemTime>> {
        let until = SystemTime::now() + OLD_SECRET_SIGNS;
        let done = sqlx::query(
            "UPDATE webhooks SET old_secret = secret, old_secret_until = $3, secret = $2 WHERE webhook_id = $1",
        )
        .bind(id.as_str())
        .bind(secret.expose())
        .bind(millis(until))
        .execute(&self.pool)
        .await
        .map_err(failed("change a webhook's secret"))?;
        Ok((done.rows_affected() > 0).then_some(until))
    }

    /// Removes an endpoint and what is remembered of it; `false` where there is none.
    pub(crate) async fn delete_webhook(&self, id: &WebhookId) -> Result<bool> {
        let mut change = self.begin().await?;
        let done = sqlx::query("DELETE FROM webhooks WHERE webhook_id = $1")
            .bind(id.as_str())
            .execute(&mut *change)
            .await
            .map_err(failed("remove a webhook"))?;
        sqlx::query("DELETE FROM webhook_deliveries WHERE webhook_id = $1")
            .bind(id.as_str())
            .execute(&mut *change)
            .await
            .map_err(failed("remove a webhook's attempts"))?;
        change.commit().await.map_err(failed("remove a webhook"))?;
        Ok(done.rows_affected() > 0)
    }

    /// An endpoint doesn't want the events up to this one; unless it was changed since it was read, and may want them now.
    pub(crate) async fn webhook_passed(&self, webhook: &Webhook, event: i64) -> Result<()> {
        sqlx::query("UPDATE webhooks SET last_event = $3 WHERE webhook_id = $1 AND changes = $2")
            .bind(webhook.id.as_str())
            .bind(webhook.changes)
            .bind(event)
            .execute(&self.pool)
            .await
            .map_err(failed("keep a webhook's place"))?;
        Ok(())
    }

    /// What came of an attempt at an endpoint as it was read. One that it disables is told of as an event. `false`: the
    /// endpoint was changed or removed meanwhile, and a failure of what it was before says nothing of it.
    pub(crate) async fn webhook_attempted(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        progress: &Progress,
        disabled: Option<&Disabled>,
    ) -> Result<bool> {
        let id = &webhook.id;
        let mut change = self.begin().await?;
        // What is delivered is delivered, whatever was changed.
        let done = sqlx::query(
            "UPDATE webhooks SET last_event = $3, failures = $4, failing_since = $5, next_attempt_at = $6, \
             disabled_at = COALESCE($7, disabled_at), disabled_reason = COALESCE($8, disabled_reason), \
             changes = changes + $9 WHERE webhook_id = $1 AND (changes = $2 OR $4 = 0)",
        )
        .bind(id.as_str())
        .bind(webhook.changes)
        .bind(progress.last_event)
        .bind(i64::from(progress.failures))
        .bind(progress.failing_since.map(millis))
        .bind(progress.next_attempt.map(millis))
        .bind(disabled.map(|disabled| millis(disabled.at)))
        .bind(disabled.map(|disabled| disabled.reason.as_str()))
        .bind(i64::from(disabled.is_some()))
        .execute(&mut *change)
        .await
        .map_err(failed("keep a webhook's place"))?;
        let counts = done.rows_affected() > 0;
        let number: Option<i64> = sqlx::query_scalar(
            "UPDATE webhooks SET attempts = attempts + 1 WHERE webhook_id = $1 RETURNING attempts",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *change)
        .await
        .map_err(failed("number a webhook's attempt"))?;
        // It was removed while it answered.
        let Some(number) = number else { return Ok(false) };
        sqlx::query(
            "INSERT INTO webhook_deliveries (webhook_id, number, event_id, event_type, at, duration_ms, \
             status, answer, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id.as_str())
        .bind(number)
        .bind(delivery.event_id)
        .bind(&delivery.event_type)
        .bind(millis(delivery.at))
        .bind(i64::try_from(delivery.duration.as_millis()).unwrap_or(i64::MAX))
        .bind(delivery.status.map(i64::from))
        .bind(&delivery.answer)
        .bind(&delivery.error)
        .execute(&mut *change)
        .await
        .map_err(failed("remember a webhook's attempt"))?;
        sqlx::query("DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND number <= $2")
            .bind(id.as_str())
            .bind(number - i64::from(DELIVERIES_KEPT))
            .execute(&mut *change)
            .await
            .map_err(failed("forget a webhook's old attempts"))?;
        let Some(disabled) = disabled.filter(|_| counts) else {
            change.commit().await.map_err(failed("keep a webhook's place"))?;
            return Ok(counts);
        };
        let data = json!({ "webhookId": id.as_str(), "reason": disabled.reason });
        let event = events::append(&mut change, EventType::WebhookDisabled, None, data).await?;
        self.commit(change, event).await?;
        Ok(true)
    }

    /// An endpoint's remembered attempts, newest first.
    pub(crate) async fn webhook_deliveries(&self, id: &WebhookId) -> Result<Vec<Delivery>> {
        let rows = sqlx::query(
            "SELECT event_id, event_type, at, duration_ms, status, answer, error FROM webhook_deliveries \
             WHERE webhook_id = $1 ORDER BY number DESC",
        )
        .bind(id.as_str())
        .fetch_all(&self.pool)
        .await;
        rows.and_then(|rows| rows.iter().map(delivery).collect()).map_err(failed("read a webhook's attempts"))
    }
}

impl sqlx::FromRow<'_, SqliteRow> for Webhook {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let moment = |column: &str| -> sqlx::Result<Option<SystemTime>> {
            Ok(row.try_get::<Option<i64>, _>(column)?.map(time))
        };
        let id: String = row.try_get("webhook_id")?;
        let url: String = row.try_get("url")?;
        let secret = |text: String| SigningSecret::parse(&text).map_err(|error| decode("secret", error));
        let old_secret: Option<String> = row.try_get("old_secret")?;
        let event_types: Option<String> = row.try_get("event_types")?;
        let event_types = event_types.map(|types| serde_json::from_str(&types)).transpose();
        let reason: Option<String> = row.try_get("disabled_reason")?;
        let disabled = moment("disabled_at")?.zip(reason);
        Ok(Self {
            id: WebhookId::parse(&id).ok_or_else(|| decode("webhook_id", "it is no webhook's id"))?,
            url: url.parse().map_err(|error| decode("url", error))?,
            secret: secret(row.try_get("secret")?)?,
            old_secret: old_secret.map(secret).transpose()?.zip(moment("old_secret_until")?),
            event_types: event_types.map_err(|error| decode("event_types", error))?,
            created_at: time(row.try_get("created_at")?),
            disabled: disabled.map(|(at, reason)| Disabled { at, reason }),
            changes: row.try_get("changes")?,
            progress: Progress {
                last_event: row.try_get("last_event")?,
                failures: u32::try_from(row.try_get::<i64, _>("failures")?).unwrap_or(u32::MAX),
                failing_since: moment("failing_since")?,
                next_attempt: moment("next_attempt_at")?,
            },
        })
    }
}

fn delivery(row: &SqliteRow) -> sqlx::Result<Delivery> {
    let status: Option<i64> = row.try_get("status")?;
    let millis: i64 = row.try_get("duration_ms")?;
    Ok(Delivery {
        event_id: row.try_get("event_id")?,
        event_type: row.try_get("event_type")?,
        at: time(row.try_get("at")?),
        duration: Duration::from_millis(u64::try_from(millis).unwrap_or_default()),
        status: status.and_then(|status| u16::try_from(status).ok()),
        answer: row.try_get("answer")?,
        error: row.try_get("error")?,
    })
}

fn decode(column: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

fn types_to_text(types: Option<&[EventType]>) -> Option<String> {
    types.and_then(|types| serde_json::to_string(types).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::StreamOptions;

    async fn catalog(dir: &tempfile::TempDir) -> Catalog {
        Catalog::open(&format!("sqlite://{}", dir.path().join("weir.db").display())).await.unwrap()
    }

    fn failure(event_id: i64) -> Delivery {
        Delivery {
            event_id,
            event_type: "stream.created".into(),
            at: time(1_000),
            duration: Duration::from_millis(12),
            status: Some(500),
            answer: "oh".into(),
            error: Some("it answered 500".into()),
        }
    }

    #[tokio::test]
    async fn an_endpoint_keeps_its_place_and_its_newest_attempts() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        catalog.create("before", StreamOptions::default()).await.unwrap();
        let url = "https://app.example/hook".parse().unwrap();
        let webhook = Webhook::new(url, Some(vec![EventType::StreamLive]));
        assert!(catalog.add_webhook(&webhook).await.unwrap());
        let found = catalog.webhook(&webhook.id).await.unwrap().unwrap();
        assert_eq!((found.progress.last_event, found.secret), (1, webhook.secret.clone()));
        assert_eq!(found.event_types, Some(vec![EventType::StreamLive]));

        let progress = Progress {
            last_event: 1,
            failures: 1,
            failing_since: Some(time(1_000)),
            next_attempt: Some(time(2_000)),
        };
        for _ in 0..=DELIVERIES_KEPT {
            assert!(catalog.webhook_attempted(&webhook, &failure(2), &progress, None).await.unwrap());
        }
        assert_eq!(catalog.webhook(&webhook.id).await.unwrap().unwrap().progress, progress);
        let attempts = catalog.webhook_deliveries(&webhook.id).await.unwrap();
        assert_eq!((attempts.len(), &attempts[0]), (DELIVERIES_KEPT as usize, &failure(2)));

        let disabled = Disabled { at: time(3_000), reason: "it failed".into() };
        assert!(catalog.webhook_attempted(&webhook, &failure(2), &progress, Some(&disabled)).await.unwrap());
        let found = catalog.webhook(&webhook.id).await.unwrap().unwrap();
        assert_eq!(found.disabled, Some(disabled));
        let told = catalog.events_after(1, None, 10).await.unwrap();
        assert_eq!((told[0].kind.as_str(), &told[0].video_id), ("webhook.disabled", &None));

        let wanted = Webhook { disabled: None, event_types: None, ..found };
        assert!(catalog.change_webhook(&wanted).await.unwrap());
        assert!(!catalog.change_webhook(&wanted).await.unwrap(), "it was changed since");
        let found = catalog.webhook(&webhook.id).await.unwrap().unwrap();
        assert_eq!((found.disabled, found.event_types, found.progress.next_attempt), (None, None, None));
        assert!(catalog.delete_webhook(&webhook.id).await.unwrap());
        assert!(!catalog.delete_webhook(&webhook.id).await.unwrap());
        assert!(catalog.webhook_deliveries(&webhook.id).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_attempt_that_began_before_a_change_does_not_undo_it() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        let made =
            Webhook::new("https://app.example/old".parse().unwrap(), Some(vec![EventType::StreamLive]));
        assert!(catalog.add_webhook(&made).await.unwrap());
        let before = catalog.webhook(&made.id).await.unwrap().unwrap();
        let repaired = Webhook {
            url: "https://app.example/new".parse().unwrap(),
            event_types: Some(vec![EventType::StreamCreated]),
            ..before.clone()
        };
        assert!(catalog.change_webhook(&repaired).await.unwrap());

        let progress = Progress {
            last_event: 0,
            failures: 9,
            failing_since: Some(time(1_000)),
            next_attempt: Some(time(3_600_000)),
        };
        let disabled = Disabled { at: time(3_000), reason: "it failed".into() };
        let attempted = catalog.webhook_attempted(&before, &failure(1), &progress, Some(&disabled)).await;
        assert!(!attempted.unwrap());
        catalog.webhook_passed(&before, 7).await.unwrap();
        let found = catalog.webhook(&made.id).await.unwrap().unwrap();
        assert_eq!((&found.progress, &found.disabled), (&Progress::default(), &None));
        assert_eq!(found.url, repaired.url);
        assert!(catalog.events_after(0, None, 10).await.unwrap().is_empty(), "nothing was disabled");
        assert_eq!(
            catalog.webhook_deliveries(&made.id).await.unwrap().len(),
            1,
            "it is remembered all the same"
        );

        let delivered = Progress { last_event: 1, ..Progress::default() };
        assert!(catalog.webhook_attempted(&before, &failure(1), &delivered, None).await.unwrap());
        assert_eq!(catalog.webhook(&made.id).await.unwrap().unwrap().progress, delivered);
    }

    #[tokio::test]
    async fn a_secret_that_was_replaced_is_kept_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        let webhook = Webhook::new("https://app.example/".parse().unwrap(), None);
        assert!(catalog.add_webhook(&webhook).await.unwrap());
        let new = SigningSecret::generate();
        let until = catalog.rotate_webhook_secret(&webhook.id, &new).await.unwrap().unwrap();
        let found = catalog.webhook(&webhook.id).await.unwrap().unwrap();
        assert_eq!(found.secret, new);
        assert_eq!(found.old_secret, Some((webhook.secret, time(millis(until)))));
    }

    #[tokio::test]
    async fn there_are_so_many_endpoints_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(&dir).await;
        for n in 0..=MAX_WEBHOOKS {
            let webhook = Webhook::new("https://app.example/".parse().unwrap(), None);
            assert_eq!(catalog.add_webhook(&webhook).await.unwrap(), n < MAX_WEBHOOKS);
        }
        assert_eq!(catalog.webhooks().await.unwrap().len(), MAX_WEBHOOKS as usize);
    }
}

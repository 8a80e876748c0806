//! What goes over the wire of webhooks.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::events::EventType;
use crate::live::whole_millis;
use crate::webhooks::{Attempt, Delivery, Webhook};

/// What a new webhook is to be.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct NewWebhook {
    /// Where events are sent, by POST: an http: or https: URL of at most 2048 bytes, with neither a name nor a password.
    #[schema(format = "http-url", example = "https://app.example/weir-events")]
    pub(super) url: String,
    /// What it is told of; null: everything.
    #[schema(min_items = 1)]
    pub(super) event_types: Option<Vec<EventType>>,
    /// Whether it is sent anything.
    #[schema(default = true)]
    pub(super) enabled: Option<bool>,
}

/// What a webhook is to be. What is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct WebhookWishes {
    /// Where events are sent, by POST.
    #[schema(format = "http-url", example = "https://app.example/weir-events")]
    pub(super) url: Option<String>,
    /// What it is told of; null: everything.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<EventType>>, min_items = 1)]
    pub(super) event_types: Option<Option<Vec<EventType>>>,
    /// Whether it is sent anything. One that is enabled again goes on where it stopped.
    pub(super) enabled: Option<bool>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Vec<EventType>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An endpoint, and how far it has come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct WebhookStatus {
    webhook_id: String,
    url: String,
    /// What it is told of; null: everything.
    event_types: Option<Vec<EventType>>,
    enabled: bool,
    /// Why it is sent nothing; null while it is.
    disabled_reason: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    disabled_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Events up to this number are delivered, or of a type that it isn't told of.
    last_event_id: i64,
    /// Attempts that failed since one succeeded.
    failures: u32,
    #[serde(with = "time::serde::rfc3339::option")]
    failing_since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    next_attempt_at: Option<OffsetDateTime>,
}

/// A new endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CreatedWebhook {
    #[serde(flatten)]
    pub(super) webhook: WebhookStatus,
    /// What its messages are signed with. It is told this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub(super) secret: String,
}

/// The endpoints, oldest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct WebhookList {
    pub(super) webhooks: Vec<WebhookStatus>,
}

/// A secret that was made anew.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct RotatedSecret {
    /// It is told this once.
    pub(super) secret: String,
    /// Until then messages are signed with the secret before this one as well.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) old_secret_until: OffsetDateTime,
}

/// What came of a test event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct TestResult {
    delivered: bool,
    /// The HTTP status, where there was an answer.
    status: Option<u16>,
    /// The beginning of the answer's body.
    answer: String,
    duration_ms: u64,
    /// Why it counts as failed; null: it doesn't.
    error: Option<String>,
}

/// The newest attempts, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Deliveries {
    pub(super) deliveries: Vec<DeliveryRecord>,
}

/// An attempt to deliver an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct DeliveryRecord {
    event_id: i64,
    event_type: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    duration_ms: u64,
    /// The HTTP status, where there was an answer.
    status: Option<u16>,
    /// The beginning of the answer's body.
    answer: String,
    /// Why it counts as failed; null: delivered.
    error: Option<String>,
}

impl WebhookStatus {
    pub(super) fn new(webhook: Webhook) -> Self {
        let Webhook { disabled, progress, .. } = webhook;
        Self {
            webhook_id: webhook.id.as_str().to_owned(),
            url: webhook.url.as_str().to_owned(),
            event_types: webhook.event_types,
            enabled: disabled.is_none(),
            disabled_at: disabled.as_ref().map(|disabled| whole_millis(disabled.at)),
            disabled_reason: disabled.map(|disabled| disabled.reason),
            created_at: whole_millis(webhook.created_at),
            last_event_id: progress.last_event,
            failures: progress.failures,
            failing_since: progress.failing_since.map(whole_millis),
            next_attempt_at: progress.next_attempt.map(whole_millis),
        }
    }
}

impl TestResult {
    pub(super) fn new(attempt: Attempt) -> Self {
        Self {
            delivered: attempt.error.is_none(),
            status: attempt.answer.as_ref().map(|answer| answer.status.as_u16()),
            answer: attempt.answer.map(|answer| answer.text).unwrap_or_default(),
            duration_ms: millis(attempt.duration),
            error: attempt.error.map(|error| error.to_string()),
        }
    }
}

impl DeliveryRecord {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self {
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            at: whole_millis(delivery.at),
            duration_ms: millis(delivery.duration),
            status: delivery.status,
            answer: delivery.answer,
            error: delivery.error,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

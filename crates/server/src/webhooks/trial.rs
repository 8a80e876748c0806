//! An event that did not happen, to see whether an endpoint takes it.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::endpoint::{EndpointUrl, EndpointUrlError};
use super::sender::{Attempt, ClientError, Sender};
use super::signature::{SecretError, SigningSecret};
use crate::config::WebhookConfig;

/// What came of a test event.
#[derive(Debug)]
pub struct Trial {
    /// What it was signed with.
    pub secret: String,
    /// The HTTP status and the beginning of the body, where there was an answer.
    pub answer: Option<(u16, String)>,
    /// How many milliseconds that took.
    pub milliseconds: u128,
    /// Why it counts as failed.
    pub error: Option<String>,
}

/// Why a test event could not be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The URL is none to send events to.
    #[error("the URL cannot be used: {0}")]
    Url(#[from] EndpointUrlError),
    /// The secret is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Sends `url` a test event, signed with `secret` or with one that is made for it.
///
/// # Errors
///
/// Nothing was sent.
pub async fn try_webhook(
    config: &WebhookConfig,
    url: &str,
    secret: Option<&str>,
) -> Result<Trial, TrialError> {
    let url = url.parse()?;
    let secret = secret.map_or_else(|| Ok(SigningSecret::generate()), SigningSecret::parse)?;
    let sender = Sender::new(config)?;
    let attempt = send(&sender, &url, std::slice::from_ref(&secret)).await;
    Ok(Trial {
        secret: secret.expose(),
        answer: attempt.answer.map(|answer| (answer.status.as_u16(), answer.text)),
        milliseconds: attempt.duration.as_millis(),
        error: attempt.error.map(|error| error.to_string()),
    })
}

pub(super) async fn send(sender: &Sender, url: &EndpointUrl, secrets: &[SigningSecret]) -> Attempt {
    let body = json!({
        "type": "webhook.test",
        "timestamp": OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        "data": { "message": "Weir can send events here." },
    });
    let id = format!("msg_test_{}", Uuid::now_v7());
    sender.send(url, &id, body.to_string(), secrets).await
}

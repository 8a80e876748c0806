use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use url::Url;
use uuid::Uuid;

use super::signature::SigningSecret;
use crate::catalog::is_id;
use crate::events::{Event, EventType};

/// Bytes of a URL.
const URL_LIMIT: usize = 2048;

/// The name of an endpoint in URLs, logs and message ids: letters, digits and hyphens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebhookId(String);

/// Where an endpoint is. It may hold a secret, and is told to none but the API's callers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EndpointUrl(Url);

/// Another server that is told of events.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: WebhookId,
    pub(crate) url: EndpointUrl,
    pub(crate) secret: SigningSecret,
    /// The secret before this one, and until when it signs as well.
    pub(crate) old_secret: Option<(SigningSecret, SystemTime)>,
    /// What it is told of; `None`: everything.
    pub(crate) event_types: Option<Vec<EventType>>,
    pub(crate) created_at: SystemTime,
    /// `None` while it is served.
    pub(crate) disabled: Option<Disabled>,
    /// How often it was changed before it was read.
    pub(crate) changes: i64,
    pub(crate) progress: Progress,
}

/// Since when and why an endpoint is sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disabled {
    pub(crate) at: SystemTime,
    pub(crate) reason: String,
}

/// How far an endpoint has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Events up to this one are delivered, or not wanted.
    pub(crate) last_event: i64,
    /// Attempts that failed since one succeeded.
    pub(crate) failures: u32,
    /// When the first of them was.
    pub(crate) failing_since: Option<SystemTime>,
    /// When the next is due.
    pub(crate) next_attempt: Option<SystemTime>,
}

/// One attempt, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) event_id: i64,
    pub(crate) event_type: String,
    pub(crate) at: SystemTime,
    pub(crate) duration: Duration,
    /// The HTTP status, where there was an answer.
    pub(crate) status: Option<u16>,
    /// The beginning of the answer's body.
    pub(crate) answer: String,
    /// Why it counts as failed.
    pub(crate) error: Option<String>,
}

impl Webhook {
    pub(crate) fn new(url: EndpointUrl, event_types: Option<Vec<EventType>>) -> Self {
        Self {
            id: WebhookId(Uuid::now_v7().to_string()),
            url,
            secret: SigningSecret::generate(),
            old_secret: None,
            event_types,
            created_at: SystemTime::now(),
            disabled: None,
            changes: 0,
            progress: Progress::default(),
        }
    }

    /// What messages are signed with now.
    pub(super) fn secrets(&self) -> Vec<SigningSecret> {
        let old = self.old_secret.as_ref().filter(|(_, until)| *until > SystemTime::now());
        [&self.secret].into_iter().chain(old.map(|(secret, _)| secret)).cloned().collect()
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        let types = self.event_types.as_ref();
        types.is_none_or(|types| types.iter().any(|kind| kind.as_str() == event.kind))
    }
}

impl WebhookId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a name from a URL; `None` if no endpoint can have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a URL is none to send events to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointUrlError {
    /// It is no URL.
    #[error("it is no URL: {0}")]
    Syntax(url::ParseError),
    /// It is too long.
    #[error("it is longer than {URL_LIMIT} bytes")]
    TooLong,
    /// Not HTTP.
    #[error("it must be an http: or https: URL")]
    Scheme,
    /// A name or a password before the host.
    #[error("it has a name or a password before the host: check the signature instead")]
    Credentials,
}

impl EndpointUrl {
    pub(super) fn as_url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for EndpointUrl {
    type Err = EndpointUrlError;

    fn from_str(text: &str) -> Result<Self, EndpointUrlError> {
        let url: Url = text.parse().map_err(EndpointUrlError::Syntax)?;
        if text.len().max(url.as_str().len()) > URL_LIMIT {
            return Err(EndpointUrlError::TooLong);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointUrlError::Credentials);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a URL)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_endpoints() {
        for right in ["https://app.example/hooks?token=1", "http://[::1]:8080"] {
            assert!(right.parse::<EndpointUrl>().is_ok(), "{right}");
        }
        let long = format!("https://app.example/{}", "x".repeat(URL_LIMIT));
        for wrong in
            ["", "app.example", "ftp://app.example/", "file:///etc/passwd", "https://me:pw@a.example", &long]
        {
            assert!(wrong.parse::<EndpointUrl>().is_err(), "{wrong}");
        }
    }
}

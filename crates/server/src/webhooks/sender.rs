//! One request to an endpoint: bounded in time and size, and kept out of private networks.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use url::Host;

use super::address::{PrivateAddress, PublicOnly, is_public};
use super::endpoint::EndpointUrl;
use super::signature::{self, SigningSecret};
use crate::config::WebhookConfig;

/// Bytes of an answer that are read.
const ANSWER_LIMIT: usize = 1024;
/// The longest pause that an endpoint may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Sends messages.
pub(super) struct Sender {
    client: Client,
    allow_private: bool,
    timeout: Duration,
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("webhooks cannot be sent: {0}")]
pub struct ClientError(reqwest::Error);

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) at: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) answer: Option<Answer>,
    /// Why it counts as failed.
    pub(crate) error: Option<SendError>,
}

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The beginning of the body.
    pub(crate) text: String,
    /// How long it asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// Why an event counts as not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Private(PrivateAddress),
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The request failed; the deepest cause says why, and holds no URL.
    #[error("{0}")]
    Request(String),
    #[error("it answered {0}; redirects are not followed")]
    Redirect(StatusCode),
    /// The endpoint wants no more events.
    #[error("it answered 410: it is gone for good")]
    Gone,
    #[error("it answered {0}; only 2xx counts")]
    Status(StatusCode),
}

impl Sender {
    pub(super) fn new(config: &WebhookConfig) -> Result<Self, ClientError> {
        let client = Client::builder()
            .redirect(Policy::none())
            // A proxy would look names up by itself.
            .no_proxy()
            .timeout(config.timeout)
            // Events come in bursts; a connection that has been idle is about to be closed by the other side.
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(2))
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")));
        let client = match config.allow_private {
            true => client,
            false => client.dns_resolver(Arc::new(PublicOnly)),
        };
        let client = client.build().map_err(ClientError)?;
        Ok(Self { client, allow_private: config.allow_private, timeout: config.timeout })
    }

    /// Addresses that stand in the URL itself are looked up nowhere; they are judged here.
    pub(super) fn allows(&self, url: &EndpointUrl) -> Result<(), SendError> {
        let address = match url.as_url().host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self.allow_private || is_public(address) {
            true => Ok(()),
            false => Err(SendError::Private(PrivateAddress)),
        }
    }

    /// Sends a message once. The same `id` tells the endpoint that it is the same message.
    pub(super) async fn send(
        &self,
        url: &EndpointUrl,
        id: &str,
        body: String,
        secrets: &[SigningSecret],
    ) -> Attempt {
        let (at, began) = (SystemTime::now(), Instant::now());
        let answer = self.request(url, id, body, secrets).await;
        let duration = began.elapsed();
        match answer {
            Ok(answer) => Attempt { at, duration, error: judge(answer.status), answer: Some(answer) },
            Err(error) => Attempt { at, duration, error: Some(error), answer: None },
        }
    }

    async fn request(
        &self,
        url: &EndpointUrl,
        id: &str,
        body: String,
        secrets: &[SigningSecret],
    ) -> Result<Answer, SendError> {
        self.allows(url)?;
        let mut post = self.client.post(url.as_url().clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in signature::headers(id, SystemTime::now(), &body, secrets) {
            post = post.header(name, value);
        }
        let mut response = post.body(body).send().await.map_err(|error| self.failure(&error))?;
        let mut bytes = Vec::new();
        // The status says all; a body that breaks off takes nothing from it.
        while bytes.len() < ANSWER_LIMIT
            && let Ok(Some(chunk)) = response.chunk().await
        {
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(ANSWER_LIMIT);
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Answer {
            status: response.status(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            retry_after: retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER)),
        })
    }

    fn failure(&self, error: &reqwest::Error) -> SendError {
        if error.is_timeout() {
            return SendError::Timeout(self.timeout);
        }
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        match cause.downcast_ref::<PrivateAddress>() {
            Some(private) => SendError::Private(*private),
            None => SendError::Request(cause.to_string()),
        }
    }
}

fn judge(status: StatusCode) -> Option<SendError> {
    match status {
        StatusCode::GONE => Some(SendError::Gone),
        status if status.is_success() => None,
        status if status.is_redirection() => Some(SendError::Redirect(status)),
        status => Some(SendError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(allow_private: bool) -> Sender {
        let config = WebhookConfig { allow_private, timeout: Duration::from_secs(5), ..Default::default() };
        Sender::new(&config).unwrap()
    }

    async fn told(sender: &Sender, url: &str) -> String {
        let attempt =
            sender.send(&url.parse().unwrap(), "msg_1", "{}".into(), &[SigningSecret::generate()]).await;
        attempt.error.unwrap().to_string()
    }

    #[tokio::test]
    async fn a_private_address_is_refused_however_it_is_written() {
        let sender = sender(false);
        for host in [
            "127.0.0.1:1",
            "localhost:1",
            "2130706433:1",
            "0x7f.1:1",
            "[::1]:1",
            "[::ffff:10.0.0.1]",
            "169.254.169.254",
        ] {
            let told = told(&sender, &format!("http://{host}/")).await;
            assert!(told.contains("WEIR_WEBHOOK_ALLOW_PRIVATE"), "{host}: {told}");
        }
    }

    #[tokio::test]
    async fn an_error_tells_its_cause_and_no_url() {
        let told = told(&sender(true), "http://127.0.0.1:1/secret").await;
        assert!(told.contains("refused") && !told.contains("secret"), "{told}");
    }
}

//! The hook: another server that is asked whether a publish is allowed.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use rtmp_ingest::PublishRequest;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;

use crate::catalog::VideoId;
use crate::config::{HookConfig, Secret};

/// Questions at a time; more wait, and their wait counts towards the time limit.
const AT_A_TIME: usize = 32;
/// Bytes of an answer.
const ANSWER_LIMIT: usize = 16 * 1024;

/// Asks the configured URL.
pub(crate) struct Hook {
    client: Client,
    url: Url,
    token: Option<Secret>,
    timeout: Duration,
    room: Semaphore,
}

/// What is asked.
#[derive(Serialize)]
struct Question<'a> {
    key: &'a str,
    app: &'a str,
    address: String,
    query: Option<&'a str>,
    encoder: Option<&'a str>,
}

/// What is answered, as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    allow: Option<bool>,
    video_id: Option<VideoId>,
    reason: Option<String>,
}

/// What is answered, as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The catalog says which stream it is.
    Allowed,
    /// It is this stream.
    Is(VideoId),
    /// It may not publish.
    Refused(Option<String>),
}

/// Why there is no answer. Each of these refuses the publish.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The HTTP client could not be made.
    #[error("on_publish_url cannot be asked: {0}")]
    Client(reqwest::Error),
    /// It took too long, the wait for others' questions included.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The request failed.
    #[error("{0}")]
    Request(reqwest::Error),
    /// Any status but 200, redirects included.
    #[error("it answered {0}; only 200 counts")]
    Status(StatusCode),
    /// The answer is too long.
    #[error("it answered with more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The answer isn't what was asked for.
    #[error("its answer is no JSON object with `allow` or `videoId`{}", because(.0))]
    Garbage(Option<serde_json::Error>),
}

fn because(error: &Option<serde_json::Error>) -> String {
    error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
}

impl Hook {
    /// # Errors
    ///
    /// The TLS library refuses.
    pub(crate) fn new(config: &HookConfig) -> Result<Self, HookError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(config.timeout)
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(HookError::Client)?;
        Ok(Self {
            client,
            url: config.url.clone(),
            token: config.token.clone(),
            timeout: config.timeout,
            room: Semaphore::new(AT_A_TIME),
        })
    }

    /// Asks. Dropping the future withdraws the question.
    pub(super) async fn ask(&self, request: &PublishRequest, address: String) -> Result<Answer, HookError> {
        let asked = tokio::time::timeout(self.timeout, self.ask_in_turn(request, address)).await;
        asked.unwrap_or(Err(HookError::Timeout(self.timeout)))
    }

    async fn ask_in_turn(&self, request: &PublishRequest, address: String) -> Result<Answer, HookError> {
        // The semaphore is never closed, and without a permit the request is only less bounded.
        let _permit = self.room.acquire().await;
        let question = Question {
            key: request.key.expose(),
            app: &request.app,
            address,
            query: request.query.as_deref(),
            encoder: request.encoder.as_deref(),
        };
        let mut post = self.client.post(self.url.clone()).json(&question);
        if let Some(token) = &self.token {
            post = post.bearer_auth(&token.0);
        }
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => HookError::Timeout(self.timeout),
            // The URL may hold a secret.
            false => HookError::Request(error.without_url()),
        };
        let mut response = post.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(HookError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(failed)? {
            if body.len() + bytes.len() > ANSWER_LIMIT {
                return Err(HookError::TooLong { limit: ANSWER_LIMIT });
            }
            body.extend_from_slice(&bytes);
        }
        Answer::parse(&body)
    }
}

impl Answer {
    fn parse(body: &[u8]) -> Result<Self, HookError> {
        let reply: Reply = serde_json::from_slice(body).map_err(|error| HookError::Garbage(Some(error)))?;
        match (reply.allow, reply.video_id) {
            (Some(false), _) => Ok(Self::Refused(reply.reason)),
            (_, Some(id)) => Ok(Self::Is(id)),
            (Some(true), None) => Ok(Self::Allowed),
            (None, None) => Err(HookError::Garbage(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        let parse = |text: &str| Answer::parse(text.as_bytes()).ok();
        assert_eq!(parse(r#"{"allow": true}"#), Some(Answer::Allowed));
        assert_eq!(parse(r#"{"videoId": "v1"}"#), VideoId::parse("v1").map(Answer::Is));
        assert_eq!(
            parse(r#"{"allow": true, "videoId": "v1", "x": 1}"#),
            VideoId::parse("v1").map(Answer::Is)
        );
        let refused = Some(Answer::Refused(Some("not today".into())));
        assert_eq!(parse(r#"{"allow": false, "reason": "not today", "videoId": "v1"}"#), refused);
        for garbage in [
            "",
            "true",
            "{}",
            "null",
            "[]",
            r#"{"allow": "yes"}"#,
            r#"{"allow": null}"#,
            r#"{"videoId": "../x"}"#,
        ] {
            assert_eq!(parse(garbage), None, "{garbage}");
        }
    }
}

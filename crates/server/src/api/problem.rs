//! Errors as problem documents (RFC 9457).

use std::any::Any;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{CatalogError, VideoId};
use crate::live::Full;

/// What a call answers that did not do what it was asked to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Stable: what kind of problem it is.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// This occurrence, in words.
    detail: String,
    /// Seconds for which caches may keep it.
    #[serde(skip)]
    max_age: Option<u64>,
    /// Seconds after which it may be tried again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// Seconds until a newcomer may find that somebody has left.
const FULL_RETRY: u64 = 30;

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let kind = format!("urn:weir:problem:{slug}");
        Self { kind, title, status: status.as_u16(), detail: detail.into(), max_age: None, retry_after: None }
    }

    pub(super) fn no_such_stream(id: &str) -> Self {
        let detail = format!("There is no stream {id}.");
        Self::new(StatusCode::NOT_FOUND, "no-such-stream", "No such stream", detail)
    }

    pub(super) fn no_such_webhook(id: &str) -> Self {
        let detail = format!("There is no webhook {id}.");
        Self::new(StatusCode::NOT_FOUND, "no-such-webhook", "No such webhook", detail)
    }

    pub(super) fn too_many_webhooks(most: u32) -> Self {
        let detail = format!("There are {most} webhooks, as many as there may be. Remove one first.");
        Self::new(StatusCode::CONFLICT, "too-many-webhooks", "Too many webhooks", detail)
    }

    pub(super) fn no_such_recording(id: &str, number: &str) -> Self {
        let detail = format!("There is no recording {number} of a stream {id}.");
        Self::new(StatusCode::NOT_FOUND, "no-such-recording", "No such recording", detail)
    }

    pub(super) fn still_recording(number: u32) -> Self {
        let detail = format!("The broadcast of recording {number} is on air. Stop it first.");
        Self::new(StatusCode::CONFLICT, "still-recording", "Still recording", detail)
    }

    pub(super) fn recording_not_ready(number: u32) -> Self {
        let detail = format!("Recording {number} has no file (yet). Its state says how far it is.");
        Self::new(StatusCode::CONFLICT, "recording-not-ready", "Recording not ready", detail)
    }

    pub(super) fn no_such_job(id: &str) -> Self {
        let detail = format!("There is no transcode job {id}.");
        Self::new(StatusCode::NOT_FOUND, "no-such-job", "No such job", detail)
    }

    pub(super) fn job_in_other_state(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "job-in-other-state", "Job in another state", detail)
    }

    pub(super) fn store_unreachable() -> Self {
        let detail = "The object store doesn't answer as it should. Try again later.";
        let title = "Object store unreachable";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unreachable", title, detail)
    }

    pub(super) fn not_on_air(id: &VideoId) -> Self {
        let detail = format!("Stream {id} is not on air.");
        Self::new(StatusCode::NOT_FOUND, "not-on-air", "Not on air", detail)
    }

    pub(super) fn no_such_object(path: &str) -> Self {
        let detail = format!("There is no {path} here, or not any more.");
        Self::new(StatusCode::NOT_FOUND, "no-such-object", "No such object", detail)
    }

    pub(super) fn too_far() -> Self {
        let detail = "_HLS_msn and _HLS_part name what will not come soon.";
        Self::new(StatusCode::BAD_REQUEST, "too-far-ahead", "Too far ahead", detail)
    }

    pub(super) fn stuck() -> Self {
        let detail = "What was waited for did not come: the stream stands still.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stream-stuck", "Stream stands still", detail)
    }

    pub(super) fn full(full: Full) -> Self {
        let (slug, detail) = match full {
            Full::Stream => ("stream-full", "This stream has as many viewers as it may have."),
            Full::Server => ("server-full", "This server has as many viewers as it may have."),
        };
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, "No room for more viewers", detail);
        Self { retry_after: Some(FULL_RETRY), ..problem }
    }

    pub(super) fn too_many_listeners() -> Self {
        let detail = "As many connections listen to events as may. Close one, or try again later.";
        let title = "Too many listeners";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-listeners", title, detail);
        Self { retry_after: Some(FULL_RETRY), ..problem }
    }

    pub(super) fn unauthorized() -> Self {
        let detail = "Send the server's token: Authorization: Bearer <token>.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Token missing or wrong", detail)
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "Invalid request", detail)
    }
}

impl Problem {
    /// Lets caches keep it, so that it isn't asked for again and again.
    pub(super) fn cached_for(self, lifetime: Duration) -> Self {
        Self { max_age: Some(lifetime.as_secs()), ..self }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        tracing::error!(%error, "a call failed");
        let detail = "The catalog does not work. The server's log says why.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "catalog-unavailable", "Catalog unavailable", detail)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self { status: rejection.status().as_u16(), ..Self::invalid(rejection.body_text()) }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let cache = match self.max_age {
            Some(seconds) => header::HeaderValue::from_str(&format!("max-age={seconds}")).ok(),
            None => None,
        };
        let cache = cache.unwrap_or(header::HeaderValue::from_static("no-store"));
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, cache);
        headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds.into())));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Problem {
    Problem::no_such_object(uri.path())
}

pub(super) async fn wrong_method() -> Problem {
    let detail = "This path does not take that method.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Method not allowed", detail)
}

/// A handler panicked: that call alone fails.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!("weir_http_panics_total").increment(1);
    let detail = "This is a bug in Weir. The server's log says more.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Internal error", detail)
        .into_response()
}

//! For whoever runs the server: health and metrics.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Api;

/// The process runs and answers
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = OK, body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server takes publishers: its catalog works, and it isn't being stopped
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = OK, body = String), (status = SERVICE_UNAVAILABLE, body = String)),
)]
pub(super) async fn readyz(State(api): State<Api>) -> (StatusCode, String) {
    if api.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is being stopped\n".to_owned());
    }
    match api.catalog.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// Figures, in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = OK, body = String)))]
pub(super) async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    api.registry.measure();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::metrics::render(&api.metrics))
}

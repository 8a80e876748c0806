//! The dashboard, the player page and the API's page, embedded into the binary.

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::Api;
use super::path::InPath;
use super::problem::Problem;

/// What `npm run build` made in `web/`.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Web;

/// Nothing but the page's own script runs; media and playlists may come from a bucket elsewhere.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      media-src 'self' blob: https: http:; connect-src 'self' ws: wss: https: http:; \
                      worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'";

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/", get(dashboard))
        .route("/live/{video_id}", get(player))
        .route("/api/docs", get(docs))
        .route("/assets/{name}", get(asset))
        .route("/favicon.svg", get(icon))
}

async fn dashboard() -> Result<Response<Body>, Problem> {
    // It has buttons that act with the token: nobody may lay it under a page of theirs.
    page("index.html", "'self'")
}

async fn docs() -> Result<Response<Body>, Problem> {
    page("docs.html", "'self'")
}

async fn player() -> Result<Response<Body>, Problem> {
    // It is meant to be embedded anywhere.
    page("player.html", "*")
}

async fn asset(InPath(name): InPath<String>) -> Result<Response<Body>, Problem> {
    let path = format!("assets/{name}");
    let file = Web::get(&path).ok_or_else(|| Problem::no_such_object(&path))?;
    // A name has its content's hash in it.
    Ok(respond(&path, file, "public, max-age=31536000, immutable"))
}

async fn icon() -> Result<Response<Body>, Problem> {
    let file = Web::get("favicon.svg").ok_or_else(|| Problem::no_such_object("favicon.svg"))?;
    Ok(respond("favicon.svg", file, "public, max-age=86400"))
}

fn page(path: &str, ancestors: &str) -> Result<Response<Body>, Problem> {
    let file = Web::get(path).ok_or_else(|| Problem::no_such_object(path))?;
    let mut response = respond(path, file, "no-cache");
    let policy = HeaderValue::from_str(&format!("{POLICY}; frame-ancestors {ancestors}"));
    if let Ok(policy) = policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn respond(path: &str, file: EmbeddedFile, cache: &'static str) -> Response<Body> {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

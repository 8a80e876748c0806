//! What players ask for most, past the router: with thousands who wait for the same part, finding out who answers and
//! the layers of an answer take longer than the answer.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS};
use axum::http::{HeaderValue, Method, Response};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Head, Requester, respond};
use crate::api::{Api, problem};
use crate::http::Shortcut;

/// Answers for playlists, segments and parts as the router would.
pub(crate) struct Direct(pub(in crate::api) Api);

impl Shortcut for Direct {
    fn answer(&self, peer: SocketAddr, request: &Request<()>) -> Option<BoxFuture<'static, Response<Body>>> {
        let (id, name) = object(request.uri().path()).filter(|_| request.method() == Method::GET)?;
        let (id, name) = (id.to_owned(), name.to_owned());
        let query = request.uri().query().map(str::to_owned);
        let api = self.0.clone();
        let requester = Requester::at(peer.ip(), request.headers(), &api);
        let head = Head::new(requester, request.method(), request.headers());
        let answer = async move { respond(&api, &id, &name, query.as_deref(), &head).await.into_response() };
        let answer = AssertUnwindSafe(answer).catch_unwind();
        Some(Box::pin(answer.map(|answer| for_any_page(answer.unwrap_or_else(problem::panicked)))))
    }
}

/// As the router's layer lets pages of any origin read it.
fn for_any_page(mut answer: Response<Body>) -> Response<Body> {
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    answer
}

/// Stream and name of what a path names, if that is a playlist or media, and needs no decoding.
fn object(path: &str) -> Option<(&str, &str)> {
    let (id, name) = path.strip_prefix("/live/")?.split_once('/')?;
    let is_plain = !id.is_empty() && !id.contains('%') && !name.contains(['%', '/']);
    (is_plain && (name.ends_with(".ts") || name.ends_with(".m3u8"))).then_some((id, name))
}

//! The origin: playlists and segments, from memory.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::routing::get;
use metrics::counter;
use tower_http::cors::CorsLayer;

use super::Api;
use super::problem::Problem;
use crate::catalog::VideoId;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/live/{video_id}/{object}", get(object)).layer(CorsLayer::permissive())
}

async fn object(
    State(api): State<Api>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let id = VideoId::parse(&id).ok_or_else(|| Problem::no_such_stream(&id))?;
    let broadcast = api.registry.get(&id).ok_or_else(|| Problem::not_on_air(&id))?;
    let served = broadcast.window.get(&name).ok_or_else(|| Problem::no_such_object(&name))?;
    let compressed = served.gzip.filter(|_| accepts_gzip(&headers));
    let encoded = compressed.is_some();
    let body = compressed.unwrap_or(served.body);
    counter!("weir_origin_bytes_total").increment(body.len() as u64);
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(served.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(served.cache_control));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if encoded {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Whether gzip may be sent (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused = parts.any(|weight| {
            weight.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(accepts("gzip, deflate, br"));
        assert!(accepts("br;q=1.0, GZIP;q=0.5"));
        assert!(accepts("*"));
        assert!(!accepts("br, gzip;q=0"));
        assert!(!accepts("identity"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}

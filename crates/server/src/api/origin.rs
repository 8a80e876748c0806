//! The origin: playlists, segments and parts, from memory, the moment that they are there.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, Response};
use axum::routing::get;
use metrics::counter;
use tower_http::cors::CorsLayer;

use super::Api;
use super::directives::Directives;
use super::events;
use super::problem::Problem;
use super::requester::Requester;
use crate::catalog::VideoId;
use crate::live::{
    MEDIA_PLAYLIST, PLAYLIST_TYPE, POSTER_CACHE, POSTER_TYPE, SEGMENT_CACHE, SEGMENT_TYPE, Served, WaitError,
};

pub(super) fn router() -> Router<Api> {
    Router::new().route("/live/{video_id}/{object}", get(object)).layer(CorsLayer::permissive())
}

async fn object(
    State(api): State<Api>,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    requester: Requester,
    method: Method,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let id = VideoId::parse(&id).ok_or_else(|| Problem::no_such_stream(&id))?;
    let broadcast = api.registry.get(&id).ok_or_else(|| Problem::not_on_air(&id))?;
    let window = &broadcast.window;
    let (served, waits) = if name == MEDIA_PLAYLIST {
        let query = query.unwrap_or_default();
        let Directives { wanted, form, preview, viewer } =
            Directives::parse(&query, broadcast.latency_mode).map_err(Problem::invalid)?;
        let reader = viewer.map_or(requester.0, |viewer| api.board.named(&viewer));
        if let Err(full) = api.board.read(&id, reader, preview) {
            return Err(events::refused(&api, &id, full).await);
        }
        (window.playlist(wanted, form).await, wanted.is_some())
    } else {
        (window.media(&name).await, false)
    };
    let target = window.target_duration();
    match served {
        Ok(served) => {
            let response = respond(served, waits, target, &headers);
            // Who asks for the head alone is sent no body.
            let size = response.body().size_hint().exact().filter(|_| method == Method::GET);
            let length = size.unwrap_or_default();
            counter!("weir_origin_bytes_total").increment(length);
            broadcast.count_served(length);
            Ok(response)
        }
        Err(WaitError::Unknown) => {
            let lifetime = if waits { target * 4 } else { target };
            Err(Problem::no_such_object(&name).cached_for(lifetime))
        }
        Err(WaitError::TooFar) => Err(Problem::too_far()),
        Err(WaitError::Stuck) => Err(Problem::stuck()),
    }
}

/// Lifetimes in caches are those of RFC 8216bis, Appendix B.1.
fn respond(served: Served, waits: bool, target: Duration, headers: &HeaderMap) -> Response<Body> {
    let (content_type, cache, encoded, body) = match served {
        Served::Playlist { plain, gzip } => {
            let lifetime = if waits { target * 6 } else { target / 2 };
            let cache = format!("max-age={}", lifetime.as_secs());
            let gzipped = accepts_gzip(headers);
            (PLAYLIST_TYPE, HeaderValue::from_str(&cache).ok(), gzipped, if gzipped { gzip } else { plain })
        }
        Served::Poster(data) => (POSTER_TYPE, Some(HeaderValue::from_static(POSTER_CACHE)), false, data),
        Served::Media(data) => (SEGMENT_TYPE, Some(HeaderValue::from_static(SEGMENT_CACHE)), false, data),
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(cache.map(|cache| (CACHE_CONTROL, cache)));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if encoded {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
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

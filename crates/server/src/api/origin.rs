//! The origin: playlists, segments and parts, from memory, the moment that they are there.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response};
use bytes::Bytes;
use metrics::counter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::directives::Directives;
use super::events;
use super::path::InPath;
use super::problem::Problem;
use super::range::{self, Conditions};
use super::requester::Requester;
use super::{Api, for_any_page};
use crate::catalog::VideoId;
use crate::live::{
    MEDIA_PLAYLIST, PLAYLIST_TYPE, POSTER_CACHE, POSTER_TYPE, SEGMENT_CACHE, SEGMENT_TYPE, SPRITES_CACHE,
    SPRITES_TYPE, Served, THUMBS, THUMBS_TYPE, VOD_PLAYLIST, WaitError, sprites_sequence,
};
use crate::recordings::{SegmentError, VodPlaylist};

pub(super) use direct::Direct;

mod direct;

/// A playlist of kept segments is as old as that, at most, before it says so.
const VOD_LIFETIME: Duration = Duration::from_secs(1);

/// What an answer depends on in a request's head. The head itself, and the buffer that it was read into, would be
/// held for as long as a player waits.
struct Head {
    method: Method,
    requester: Requester,
    accepts_gzip: bool,
    conditions: Conditions,
}

impl Head {
    fn new(requester: Requester, method: &Method, headers: &HeaderMap) -> Self {
        Self {
            requester,
            accepts_gzip: accepts_gzip(headers),
            conditions: Conditions::of(method, headers),
            method: method.clone(),
        }
    }
}

impl FromRequestParts<Api> for Head {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::new(Requester::of(parts, api), &parts.method, &parts.headers))
    }
}

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(for_any_page(routes!(object)))
}

/// A playlist, a segment, a part or the poster of a stream on air
///
/// `index.m3u8` is the media playlist, `master.m3u8` the multivariant one; `segment_000.ts`, `segment_000.part_0.ts` and
/// `thumb.jpg` take `Range` and `If-None-Match`. The query is for `index.m3u8` alone (RFC 8216bis, section 6.2.5).
#[utoipa::path(
    get, path = "/live/{videoId}/{object}", tag = "playback", operation_id = "play",
    params(
        ("videoId" = String, Path),
        ("object" = String, Path, example = "index.m3u8"),
        ("_HLS_msn" = Option<u64>, Query, description = "Answer once the segment of this number is listed"),
        ("_HLS_part" = Option<u64>, Query, description = "Answer once this part of it is; needs `_HLS_msn`"),
        ("_HLS_skip" = Option<String>, Query, description = "`YES`: leave out what its reader knows already"),
        ("latency" = Option<String>, Query, description = "`low`: with parts; `plain`: without; else as the stream has it"),
        ("viewerId" = Option<String>, Query, description = "What the viewer calls itself, in 1 to 64 bytes"),
        ("preview" = Option<String>, Query, description = "Don't count me"),
    ),
    responses(
        (status = OK, content(
            (String = "application/vnd.apple.mpegurl"), (String = "video/mp2t"), (String = "image/jpeg"),
            (String = "text/vtt"),
        )),
        (status = PARTIAL_CONTENT, description = "The range that was asked for"),
        (status = NOT_MODIFIED, description = "Who asks has it"),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = RANGE_NOT_SATISFIABLE, description = "There are no such bytes"),
        (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn object(
    State(api): State<Api>,
    InPath((id, name)): InPath<(String, String)>,
    RawQuery(query): RawQuery,
    head: Head,
) -> Result<Response<Body>, Problem> {
    respond(&api, &id, &name, query.as_deref(), &head).await
}

async fn respond(
    api: &Api,
    id: &str,
    name: &str,
    query: Option<&str>,
    head: &Head,
) -> Result<Response<Body>, Problem> {
    let id = VideoId::parse(id).ok_or_else(|| Problem::no_such_stream(id))?;
    // What reads from the catalog or the store is boxed: thousands wait here who need no room for that.
    if name == VOD_PLAYLIST {
        return Box::pin(vod_playlist(api, &id, head)).await;
    }
    if name == THUMBS || sprites_sequence(name).is_some() {
        return Box::pin(thumbs(api, &id, name, head)).await;
    }
    let Some(broadcast) = api.registry.get(&id) else {
        return Box::pin(kept_segment(api, &id, name, head)).await?.ok_or_else(|| Problem::not_on_air(&id));
    };
    let window = &broadcast.window;
    let (served, waits) = if name == MEDIA_PLAYLIST {
        let Directives { wanted, form, preview, viewer } =
            Directives::parse(query.unwrap_or_default(), broadcast.latency_mode).map_err(Problem::invalid)?;
        let reader = viewer.map_or(head.requester.0, |viewer| api.board.named(&viewer));
        if let Err(full) = api.board.read(&id, reader, preview) {
            return Err(Box::pin(events::refused(api, &id, full)).await);
        }
        (window.playlist(wanted, form).await, wanted.is_some())
    } else {
        (window.media(name).await, false)
    };
    let target = window.target_duration();
    match served {
        Ok(served) => {
            let response = match served {
                Served::Playlist { plain, gzip } => playlist(plain, gzip, waits, target, head),
                // A name stands for the same bytes for ever.
                Served::Media(data) => media(&data, (SEGMENT_TYPE, SEGMENT_CACHE, name), head),
                Served::Poster(data) => media(&data, (POSTER_TYPE, POSTER_CACHE, &tag(&data)), head),
            };
            broadcast.count_served(count(&response, head));
            Ok(response)
        }
        Err(WaitError::Unknown) => {
            if let Some(response) = Box::pin(kept_segment(api, &id, name, head)).await? {
                return Ok(response);
            }
            let lifetime = if waits { target * 4 } else { target };
            Err(Problem::no_such_object(name).cached_for(lifetime))
        }
        Err(WaitError::TooFar) => Err(Problem::too_far()),
        Err(WaitError::Stuck) => Err(Problem::stuck()),
    }
}

/// The playlist of all that is kept of the newest broadcast.
async fn vod_playlist(api: &Api, id: &VideoId, head: &Head) -> Result<Response<Body>, Problem> {
    let Some(VodPlaylist { rendered, is_ended }) = api.recorders.vod(id).await? else {
        return Err(Problem::no_such_object(VOD_PLAYLIST).cached_for(VOD_LIFETIME));
    };
    let target = if is_ended { VOD_LIFETIME * 6 } else { VOD_LIFETIME * 2 };
    let response = playlist(rendered.plain, rendered.gzip, false, target, head);
    count(&response, head);
    Ok(response)
}

/// The list of small pictures of what is kept, or a sheet of them.
async fn thumbs(api: &Api, id: &VideoId, name: &str, head: &Head) -> Result<Response<Body>, Problem> {
    let (found, kind) = match name {
        THUMBS => (api.recorders.thumbs(id).await?.map(Bytes::from), THUMBS_TYPE),
        _ => (api.recorders.sprites(id, name).await.map_err(unserved)?, SPRITES_TYPE),
    };
    let data = found.ok_or_else(|| Problem::no_such_object(name).cached_for(VOD_LIFETIME))?;
    let response = media(&data, (kind, SPRITES_CACHE, &tag(&data)), head);
    count(&response, head);
    Ok(response)
}

/// Counts the bytes that an answer sends, and tells how many.
fn count(response: &Response<Body>, head: &Head) -> u64 {
    // Who asks for the head alone is sent no body.
    let size = response.body().size_hint().exact().filter(|_| head.method == Method::GET);
    let bytes = size.unwrap_or_default();
    counter!("weir_origin_bytes_total").increment(bytes);
    bytes
}

/// An entity tag for what is replaced under one name.
fn tag(data: &Bytes) -> String {
    let mut hash = DefaultHasher::new();
    data.hash(&mut hash);
    format!("{:016x}", hash.finish())
}

fn unserved(error: SegmentError) -> Problem {
    match error {
        SegmentError::Catalog(error) => error.into(),
        SegmentError::Store(error) => {
            tracing::warn!(%error, "what is kept cannot be served");
            Problem::store_unreachable()
        }
    }
}

/// A segment that has left the memory, where it is kept.
async fn kept_segment(
    api: &Api,
    id: &VideoId,
    name: &str,
    head: &Head,
) -> Result<Option<Response<Body>>, Problem> {
    let segment = api.recorders.segment(id, name).await.map_err(unserved)?;
    let Some(data) = segment else { return Ok(None) };
    let response = media(&data, (SEGMENT_TYPE, SEGMENT_CACHE, name), head);
    count(&response, head);
    Ok(Some(response))
}

/// Lifetimes in caches are those of RFC 8216bis, Appendix B.1.
fn playlist(plain: Bytes, gzip: Bytes, waits: bool, target: Duration, head: &Head) -> Response<Body> {
    let lifetime = if waits { target * 6 } else { target / 2 };
    let mut response = Response::new(Body::from(if head.accepts_gzip { gzip } else { plain }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PLAYLIST_TYPE));
    let cache = HeaderValue::from_str(&format!("max-age={}", lifetime.as_secs())).ok();
    headers.extend(cache.map(|cache| (CACHE_CONTROL, cache)));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if head.accepts_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Of a type and with a lifetime in caches and an entity tag.
fn media(
    data: &Bytes,
    (content_type, cache, tag): (&'static str, &'static str, &str),
    head: &Head,
) -> Response<Body> {
    let mut response = range::respond(&head.conditions, data, tag);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
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
    use axum::http::header::{IF_NONE_MATCH, RANGE};

    use super::*;

    #[test]
    fn what_is_sent_is_counted_and_nothing_else() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let data = Bytes::from_static(b"0123456789");
            let sent = |method: Method, asked: Option<(axum::http::HeaderName, &'static str)>| {
                let asked = asked.map(|(name, value)| (name, HeaderValue::from_static(value)));
                let head = Head::new(Requester(0), &method, &asked.into_iter().collect());
                count(&media(&data, (SPRITES_TYPE, SPRITES_CACHE, "v1"), &head), &head)
            };
            assert_eq!(sent(Method::GET, None), 10);
            assert_eq!(sent(Method::HEAD, None), 0);
            assert_eq!(sent(Method::GET, Some((IF_NONE_MATCH, "\"v1\""))), 0);
            assert_eq!(sent(Method::GET, Some((RANGE, "bytes=2-4"))), 3);
            let counted = recorder.handle().render();
            assert!(counted.contains("weir_origin_bytes_total 13\n"), "{counted}");
        });
    }

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

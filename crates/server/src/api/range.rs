//! Pieces of what is served, for whoever asks for them (RFC 9110 §13 and §14).

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;

/// What a request says of the pieces that it wants, without the rest of its head.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Versions that the reader has: `If-None-Match`.
    known: Option<String>,
    /// `Range`, and the version that it is one of: `If-Range`.
    range: Option<String>,
    version: Option<String>,
}

impl Conditions {
    /// Reads them out of a head. A range is one of a GET (§14.2).
    pub(super) fn of(method: &Method, head: &HeaderMap) -> Self {
        let text =
            |name| head.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let range = if method == Method::GET { text(RANGE) } else { None };
        Self { known: text(IF_NONE_MATCH), range, version: text(IF_RANGE) }
    }
}

/// Answers with `data`, with the range of it that is asked for, or with nothing where the reader has it.
/// `tag` names these very bytes.
pub(super) fn respond(asked: &Conditions, data: &Bytes, tag: &str) -> Response<Body> {
    let tag = format!("\"{tag}\"");
    let known = asked.known.as_deref().is_some_and(|listed| {
        listed.trim() == "*" || listed.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    // A range of another version is of no use (§13.1.5).
    let is_of_this = asked.version.as_deref().is_none_or(|version| version == tag);
    let range = asked.range.as_deref().filter(|_| is_of_this);
    let (status, body, place) = match range.map(|range| parse(range, data.len())) {
        _ if known => (StatusCode::NOT_MODIFIED, Bytes::new(), None),
        Some(Asked::Piece(from, to)) => {
            let place = format!("bytes {from}-{to}/{}", data.len());
            (StatusCode::PARTIAL_CONTENT, data.slice(from..=to), Some(place))
        }
        Some(Asked::Nothing) => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(format!("bytes */{}", data.len())))
        }
        Some(Asked::All) | None => (StatusCode::OK, data.clone(), None),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    headers.extend(
        place.and_then(|place| HeaderValue::from_str(&place).ok()).map(|place| (CONTENT_RANGE, place)),
    );
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// From this byte to that one, both included.
    Piece(usize, usize),
    /// No byte that there is.
    Nothing,
    /// Several pieces, or nothing that is understood: a server may answer with the whole (§14.2).
    All,
}

fn parse(range: &str, length: usize) -> Asked {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::All;
    };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    match (from.trim().is_empty(), number(from), to.trim().is_empty(), number(to)) {
        // The last so many.
        (true, None, false, Some(count)) if count > 0 && length > 0 => {
            Asked::Piece(length.saturating_sub(count), length - 1)
        }
        (true, None, false, Some(_)) => Asked::Nothing,
        (false, Some(from), true, None) if from < length => Asked::Piece(from, length - 1),
        (false, Some(from), false, Some(to)) if from <= to && from < length => {
            Asked::Piece(from, to.min(length - 1))
        }
        (false, Some(from), false, Some(to)) if from > to => Asked::All,
        (false, Some(_), _, _) if number(to).is_some() || to.trim().is_empty() => Asked::Nothing,
        _ => Asked::All,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_as_players_and_tools_ask_for_them() {
        for (range, expected) in [
            ("bytes=0-", Asked::Piece(0, 99)),
            ("bytes=10-19", Asked::Piece(10, 19)),
            ("bytes=90-1000", Asked::Piece(90, 99)),
            ("bytes=-10", Asked::Piece(90, 99)),
            ("bytes=-1000", Asked::Piece(0, 99)),
            ("bytes=100-", Asked::Nothing),
            ("bytes=100-200", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=9-3", Asked::All),
            ("bytes=0-1,5-6", Asked::All),
            ("bytes=-", Asked::All),
            ("pages=1-2", Asked::All),
            ("", Asked::All),
        ] {
            assert_eq!(parse(range, 100), expected, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Nothing);
        assert_eq!(parse("bytes=-5", 0), Asked::Nothing);
    }

    #[test]
    fn who_has_it_gets_nothing_and_who_has_another_gets_all() {
        let data = Bytes::from_static(b"0123456789");
        let ask = |headers: &[(axum::http::HeaderName, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            respond(&Conditions::of(&Method::GET, &headers.collect()), &data, "v1").status().as_u16()
        };
        assert_eq!(ask(&[]), 200);
        assert_eq!(ask(&[(IF_NONE_MATCH, "\"v0\", W/\"v1\"")]), 304);
        assert_eq!(ask(&[(RANGE, "bytes=2-3")]), 206);
        assert_eq!(ask(&[(RANGE, "bytes=2-3"), (IF_RANGE, "\"v1\"")]), 206);
        assert_eq!(ask(&[(RANGE, "bytes=2-3"), (IF_RANGE, "\"v0\"")]), 200);
        assert_eq!(ask(&[(RANGE, "bytes=20-")]), 416);
        let head = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=2-3"))]);
        assert_eq!(respond(&Conditions::of(&Method::HEAD, &head), &data, "v1").status(), 200);
    }

    proptest! {
        #[test]
        fn any_range_is_within(range in "(bytes=)?[0-9, -]{0,12}", length in 0_usize..50) {
            if let Asked::Piece(from, to) = parse(&range, length) {
                prop_assert!(from <= to && to < length);
            }
        }
    }
}

//! Answers as they go out in HTTP/1.1.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use axum::http::response::Parts;
use axum::http::{HeaderValue, Method, StatusCode};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Nothing,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks; nobody knows how many.
    Chunked,
}

impl Framing {
    /// How an answer's body of `size` bytes, if that is known, is sent to who asked with `method` (RFC 9112 §6).
    pub(super) fn of(method: &Method, parts: &Parts, size: Option<u64>) -> Self {
        if method == Method::HEAD || has_no_content(parts.status) {
            return Self::Nothing;
        }
        let told = || parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        size.or_else(told).map_or(Self::Chunked, Self::Length)
    }
}

/// Whether an answer never has a body, nor a length (RFC 9110 §8.6).
fn has_no_content(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The answer's head.
pub(super) fn head(parts: &Parts, framing: Framing, keep_alive: bool) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(parts.status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(parts.status.canonical_reason().unwrap_or("<none>").as_bytes());
    head.extend_from_slice(b"\r\n");
    let mut field = |name: &str, value: &[u8]| {
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            head.extend_from_slice(piece);
        }
    };
    for (name, value) in &parts.headers {
        // How the message is sent is said below. A HEAD's answer tells the length that a GET's has.
        let is_ours = [CONNECTION, TRANSFER_ENCODING].contains(name)
            || (name == CONTENT_LENGTH && (framing != Framing::Nothing || has_no_content(parts.status)));
        if !is_ours {
            field(name.as_str(), value.as_bytes());
        }
    }
    match framing {
        Framing::Nothing => {}
        Framing::Length(length) => field(CONTENT_LENGTH.as_str(), length.to_string().as_bytes()),
        Framing::Chunked => field(TRANSFER_ENCODING.as_str(), b"chunked"),
    }
    if !keep_alive {
        field(CONNECTION.as_str(), b"close");
    }
    if !parts.headers.contains_key(DATE) {
        date(|date| field(DATE.as_str(), date));
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Whether the answer itself ends the connection.
pub(super) fn closes(parts: &Parts) -> bool {
    let says = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"close");
    parts.headers.get_all(CONNECTION).iter().any(says)
}

/// The time as a `Date` field says it: it is written once a second, however many are answered.
fn date<R>(with: impl FnOnce(&[u8]) -> R) -> R {
    thread_local! {
        static WRITTEN: RefCell<(Duration, String)> = const { RefCell::new((Duration::MAX, String::new())) };
    }
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let second = Duration::from_secs(since.as_secs());
    WRITTEN.with_borrow_mut(|(written, text)| {
        if *written != second {
            (*written, *text) = (second, httpdate::fmt_http_date(now));
        }
        with(text.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Response;

    use super::*;

    fn answer(status: u16, fields: &[(&str, &str)]) -> Parts {
        let mut builder = Response::builder().status(status).header("date", "today");
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    fn text(parts: &Parts, framing: Framing, keep_alive: bool) -> String {
        String::from_utf8(head(parts, framing, keep_alive)).unwrap()
    }

    #[test]
    fn an_answer_says_how_long_it_is_and_whether_it_is_the_last() {
        let parts = answer(200, &[("content-length", "7"), ("vary", "a")]);
        let head = text(&parts, Framing::Length(7), true);
        assert_eq!(head, "HTTP/1.1 200 OK\r\ndate: today\r\nvary: a\r\ncontent-length: 7\r\n\r\n");
        let head = text(&answer(599, &[]), Framing::Chunked, false);
        let expected =
            "HTTP/1.1 599 <none>\r\ndate: today\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        assert_eq!(head, expected);
    }

    #[test]
    fn a_body_is_sent_to_those_who_may_have_one() {
        let framing = |method, status, size| Framing::of(&method, &answer(status, &[]), size);
        assert_eq!(framing(Method::GET, 200, Some(0)), Framing::Length(0));
        assert_eq!(framing(Method::GET, 200, None), Framing::Chunked);
        assert_eq!(framing(Method::HEAD, 200, Some(7)), Framing::Nothing);
        for status in [204, 304] {
            let parts = answer(status, &[("content-length", "7")]);
            let framing = Framing::of(&Method::GET, &parts, Some(0));
            assert_eq!(framing, Framing::Nothing);
            assert!(!text(&parts, framing, true).contains("content-length"));
        }
        let parts = answer(200, &[("content-length", "7")]);
        assert_eq!(Framing::of(&Method::GET, &parts, None), Framing::Length(7));
        assert!(text(&parts, Framing::Nothing, true).contains("content-length: 7"), "a HEAD is told it");
    }

    #[test]
    fn the_date_is_now() {
        let written = date(|date| String::from_utf8(date.to_vec()).unwrap());
        let age = SystemTime::now().duration_since(httpdate::parse_http_date(&written).unwrap()).unwrap();
        assert!(age < Duration::from_secs(60));
    }
}

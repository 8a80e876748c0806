//! The heads of the requests that are answered here: a GET or a HEAD of HTTP/1.1 without a body.

use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

/// The longest head that is read here; longer ones are hyper's.
pub(super) const BYTES: usize = 8 << 10;
/// The most header fields that are read here.
pub(super) const FIELDS: usize = 64;

/// What HTTP/2 begins with (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection's first bytes are.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(super) enum Head {
    /// The beginning of a head.
    Partial,
    /// A request; its head's length in bytes, and whether another one may follow.
    Whole { request: Request<()>, length: usize, keep_alive: bool },
    /// Anything else, be it right or wrong: a body, an upgrade, HTTP/2, HTTP/1.0, a mistake.
    Other,
}

impl Head {
    /// Reads a head. Whatever says where a request ends in another way than by an empty line isn't read here.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        // hyper waits for the rest of it without a limit.
        if bytes.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(bytes) {
            return Self::Partial;
        }
        let Some(method) = method(bytes) else { return Self::Other };
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= BYTES => length,
            Ok(httparse::Status::Partial) if bytes.len() < BYTES => return Self::Partial,
            Ok(_) | Err(_) => return Self::Other,
        };
        Self::whole(method, &parsed, length).unwrap_or(Self::Other)
    }

    fn whole(method: Method, parsed: &httparse::Request<'_, '_>, length: usize) -> Option<Self> {
        if parsed.version != Some(1) {
            return None;
        }
        let path = parsed.path.filter(|path| path.starts_with('/'))?;
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        let mut keep_alive = true;
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            match name {
                CONTENT_LENGTH | TRANSFER_ENCODING | UPGRADE | EXPECT => return None,
                CONNECTION if field.value.eq_ignore_ascii_case(b"close") => keep_alive = false,
                CONNECTION if field.value.eq_ignore_ascii_case(b"keep-alive") => {}
                CONNECTION => return None,
                _ => {}
            }
            headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse::<Uri>().ok()?;
        *request.headers_mut() = headers;
        Some(Self::Whole { request, length, keep_alive })
    }
}

/// The method of what begins like that, as soon as it can't be another.
fn method(bytes: &[u8]) -> Option<Method> {
    let is = |method: &[u8]| bytes.iter().zip(method).all(|(byte, expected)| byte == expected);
    if is(b"GET ") {
        return Some(Method::GET);
    }
    is(b"HEAD ").then_some(Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Head {
        Head::parse(format!("GET /a?b=c HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    fn is_other(head: Head) -> bool {
        matches!(head, Head::Other)
    }

    #[test]
    fn a_players_request_is_read_and_its_beginnings_are_waited_on() {
        let text = b"HEAD /a?b=c HTTP/1.1\r\nhost: a\r\nAccept: x\r\naccept: y\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(Head::parse(&text[..end]), Head::Partial), "{end}");
        }
        let Head::Whole { request, length, keep_alive } = Head::parse(&[text.as_slice(), b"GET"].concat())
        else {
            panic!("it is whole");
        };
        assert_eq!((length, keep_alive), (text.len(), true));
        assert_eq!((request.method(), request.uri().query()), (&Method::HEAD, Some("b=c")));
        let accepted: Vec<_> = request.headers().get_all("accept").iter().collect();
        assert_eq!(accepted, ["x", "y"]);
    }

    #[test]
    fn what_may_have_a_body_or_become_something_else_is_hypers() {
        for fields in [
            "content-length: 0\r\n",
            "Content-Length: 5\r\n",
            "transfer-encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "transfer-encoding\t: chunked\r\n",
            " transfer-encoding: chunked\r\n",
            "a: b\r\n transfer-encoding: chunked\r\n",
            "expect: 100-continue\r\n",
            "upgrade: websocket\r\nconnection: upgrade\r\n",
            "connection: keep-alive, upgrade\r\n",
            "a\0: b\r\n",
            "a: \x01\r\n",
            ": b\r\n",
        ] {
            assert!(is_other(with(fields)), "{fields:?}");
        }
        for text in [
            "POST /",
            "G ",
            "\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET * HTTP/1.1\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET /\r\n\r\n",
        ] {
            assert!(is_other(Head::parse(text.as_bytes())), "{text:?}");
        }
    }

    #[test]
    fn a_connection_ends_when_its_client_says_so() {
        let keeps = |fields| match with(fields) {
            Head::Whole { keep_alive, .. } => Some(keep_alive),
            Head::Partial | Head::Other => None,
        };
        assert_eq!(keeps(""), Some(true));
        assert_eq!(keeps("Connection: Keep-Alive\r\n"), Some(true));
        assert_eq!(keeps("Connection: CLOSE\r\n"), Some(false));
        assert_eq!(keeps("connection: close\r\nconnection: keep-alive\r\n"), Some(false));
    }

    #[test]
    fn what_is_longer_than_a_players_is_hypers() {
        let padded = |length: usize| {
            let rest = length - "GET / HTTP/1.1\r\na: \r\n\r\n".len();
            format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(rest))
        };
        assert!(matches!(Head::parse(padded(BYTES).as_bytes()), Head::Whole { length: BYTES, .. }));
        assert!(is_other(Head::parse(padded(BYTES + 1).as_bytes())));
        assert!(matches!(Head::parse(&padded(2 * BYTES).as_bytes()[..BYTES - 1]), Head::Partial));
        assert!(is_other(Head::parse(&padded(2 * BYTES).as_bytes()[..BYTES])));
        assert!(matches!(with(&"a: b\r\n".repeat(FIELDS)), Head::Whole { .. }));
        assert!(is_other(with(&"a: b\r\n".repeat(FIELDS + 1))));
    }
}

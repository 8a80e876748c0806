//! What answers, and failures to get one, mean.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::Response;

use crate::{Rejection, StoreError};

/// S3's error documents are about 300 bytes; what follows is not worth reading.
const BODY_LIMIT: usize = 8 << 10;
const MESSAGE_LIMIT: usize = 200;

/// Reads the beginning of a negative answer.
pub(super) async fn rejection(mut response: Response) -> StoreError {
    let status = response.status().as_u16();
    let header = response.headers().get("x-amz-bucket-region");
    let region = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = BytesMut::new();
    // The status says what matters, so a body that breaks off is taken as it came.
    while body.len() < BODY_LIMIT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    StoreError::Rejected(parse(status, region, &String::from_utf8_lossy(&body)))
}

/// What a document says that a success was expected of.
pub(super) fn parse_rejection(status: u16, body: &str) -> StoreError {
    StoreError::Rejected(parse(status, None, body))
}

fn parse(status: u16, region: Option<String>, body: &str) -> Rejection {
    let document = body.find("<Error").map(|start| &body[start..]);
    let code = document.and_then(|document| element(document, "Code")).map(str::to_owned);
    let message = match document {
        Some(document) => element(document, "Message").unwrap_or_default(),
        None => body,
    };
    let region = region.or_else(|| document.and_then(|d| element(d, "Region")).map(str::to_owned));
    Rejection { status, code, message: line(message), region }
}

/// The text of a leaf element. S3's error documents are flat, without attributes or CDATA.
pub(super) fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

/// Makes a server's words fit for a log line.
fn line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MESSAGE_LIMIT {
            line.truncate(line.floor_char_boundary(MESSAGE_LIMIT));
            line.push('…');
            break;
        }
    }
    line
}

/// Tells apart why no answer came. `limit` is how long the kernel keeps bytes that the server doesn't acknowledge.
pub(super) fn transport_error(error: &reqwest::Error, limit: Duration) -> StoreError {
    let reason = root_cause(error);
    if !error.is_connect() {
        return if error.is_timeout() {
            StoreError::TimedOut { after: limit }
        } else {
            StoreError::Interrupted { reason }
        };
    }
    if chain(error).any(|cause| cause.to_string() == "dns error") {
        return StoreError::Unresolved { reason };
    }
    match chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(innermost_kind) {
        Some(io::ErrorKind::ConnectionRefused) => StoreError::Refused,
        // What rustls objects to reaches us as invalid data.
        Some(io::ErrorKind::InvalidData) => StoreError::Tls { reason },
        _ => StoreError::Unreachable { reason },
    }
}

/// An I/O error may wrap another, which its `source` passes over.
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error.kind(), innermost_kind)
}

/// The innermost error's words: reqwest's own only repeat the URL.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(|cause| line(&cause.to_string())).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_s3_error_document_is_read() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code>\
            <Message>the region 'us-east-1' is wrong;\n expecting 'eu-west-1'</Message>\
            <Region>eu-west-1</Region></Error>";
        let rejection = parse(400, None, body);
        assert_eq!(rejection.code.as_deref(), Some("AuthorizationHeaderMalformed"));
        assert_eq!(rejection.message, "the region 'us-east-1' is wrong; expecting 'eu-west-1'");
        assert_eq!(rejection.region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn another_answer_is_quoted_without_a_code() {
        let rejection = parse(400, None, "Client sent an HTTP request to an HTTPS server.\n");
        assert_eq!(rejection.code, None);
        assert_eq!(rejection.message, "Client sent an HTTP request to an HTTPS server.");
    }

    proptest! {
        #[test]
        fn any_body_gives_one_short_line(body in "(<Error>|<Code>|</Code>|<Message>|</Message>|é|\\PC|\n|\r|\u{1b}){0,300}") {
            let rejection = parse(500, None, &body);
            prop_assert!(rejection.message.len() <= MESSAGE_LIMIT + '…'.len_utf8());
            prop_assert!(!rejection.message.contains(char::is_control));
        }
    }
}

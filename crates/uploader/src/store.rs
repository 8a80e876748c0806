use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::{ListedMultipart, ListedObject, Multipart, Object, Page, Part};

/// What an [`ObjectStore`] operation returns: a boxed future, so that stores can be trait objects.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The largest object that [`ObjectStore::get`] reads, in bytes; it exists for small ones. An HLS segment is one: no more
/// than 32 MiB, and some room.
pub const GET_LIMIT: usize = 40 << 20;

/// A place for objects. Each call makes exactly one attempt: retrying belongs to [`crate::Uploader`].
///
/// Dropping a returned future abandons the attempt. A remote store may still carry it out afterwards. An attempt may take
/// for ever where nobody does so: how long it may is the caller's to say.
pub trait ObjectStore: Send + Sync + 'static {
    /// Where the objects go, for people: bucket and endpoint, never a secret.
    fn location(&self) -> String;

    /// Stores `object`, replacing what its key held.
    fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()>;

    /// Reads the bytes of an object of up to [`GET_LIMIT`]; [`StoreError::NotFound`] if there is none.
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes>;

    /// Removes an object. Succeeds if there is none.
    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()>;

    /// An address at which anybody can read an object for so long; `None` where the store has none.
    fn signed_url<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Option<String>> {
        let _ = (key, lifetime);
        Box::pin(async { Ok(None) })
    }

    /// The objects whose keys begin with `prefix`; `page` is what the page before said.
    fn list<'a>(&'a self, prefix: &'a str, page: Option<&'a str>) -> StoreFuture<'a, Page<ListedObject>> {
        let _ = (prefix, page);
        Box::pin(async { Err(StoreError::NoListing) })
    }

    /// The unfinished objects in parts whose keys begin with `prefix`.
    fn list_multiparts<'a>(
        &'a self,
        prefix: &'a str,
        page: Option<&'a str>,
    ) -> StoreFuture<'a, Page<ListedMultipart>> {
        let _ = (prefix, page);
        Box::pin(async { Err(StoreError::NoListing) })
    }

    /// Begins an object that comes in parts; what the store calls the upload.
    fn create_multipart<'a>(&'a self, key: &'a str, content_type: &'static str) -> StoreFuture<'a, String> {
        let _ = (key, content_type);
        Box::pin(async { Err(StoreError::NoMultipart) })
    }

    /// Stores a part; what the store calls its content.
    fn put_part<'a>(
        &'a self,
        upload: &'a Multipart,
        number: u32,
        data: &'a Bytes,
    ) -> StoreFuture<'a, String> {
        let _ = (upload, number, data);
        Box::pin(async { Err(StoreError::NoMultipart) })
    }

    /// Makes the object of its parts. If an attempt before this one did, there is no such upload any more.
    fn complete_multipart<'a>(&'a self, upload: &'a Multipart, parts: &'a [Part]) -> StoreFuture<'a, ()> {
        let _ = (upload, parts);
        Box::pin(async { Err(StoreError::NoMultipart) })
    }

    /// Gives an upload and its parts up. Succeeds if there is none.
    fn abort_multipart<'a>(&'a self, upload: &'a Multipart) -> StoreFuture<'a, ()> {
        let _ = upload;
        Box::pin(async { Err(StoreError::NoMultipart) })
    }
}

/// Why one attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The endpoint's host name has no address.
    #[error("cannot resolve the host name: {reason}")]
    Unresolved {
        /// The resolver's words.
        reason: String,
    },
    /// Nothing listens at the endpoint's port.
    #[error("connection refused")]
    Refused,
    /// No connection came about, for another reason than the other variants name.
    #[error("cannot connect: {reason}")]
    Unreachable {
        /// The operating system's words.
        reason: String,
    },
    /// The TLS handshake failed: an untrusted or wrong certificate, or the port does not speak TLS.
    #[error("TLS handshake failed: {reason}")]
    Tls {
        /// The TLS library's words.
        reason: String,
    },
    /// The connection broke before the whole answer had come.
    #[error("connection broke: {reason}")]
    Interrupted {
        /// The transport's words.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {after:?}")]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The server answered, and it said no.
    #[error("{0}")]
    Rejected(Rejection),
    /// The store has no multipart uploads.
    #[error("the store cannot take an object in parts")]
    NoMultipart,
    /// The store lists nothing.
    #[error("the store cannot list what it has")]
    NoListing,
    /// The server's answer isn't what S3 says.
    #[error("cannot make sense of the answer: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no object of that key.
    #[error("no such object")]
    NotFound,
    /// The object does not fit into what is left of a bounded store.
    #[error("store is full: {size} bytes do not fit, {used} of {capacity} are in use")]
    Full {
        /// What the object would occupy.
        size: usize,
        /// What the other objects occupy.
        used: usize,
        /// The store's bound.
        capacity: usize,
    },
    /// The object read is larger than [`ObjectStore::get`] is meant for.
    #[error("object is larger than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The key cannot be addressed unambiguously in a URL.
    #[error("invalid key: a segment between slashes is empty, `.` or `..`")]
    InvalidKey,
    /// The request could not be built or signed.
    #[error("cannot sign the request: {reason}")]
    Unsigned {
        /// The signer's words.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same attempt can succeed a moment later, with nobody changing a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::Refused
            | Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::TimedOut { .. } => true,
            Self::Rejected(rejection) => rejection.is_transient(),
            Self::Tls { .. }
            | Self::NoMultipart
            | Self::NoListing
            | Self::Unreadable { .. }
            | Self::NotFound
            | Self::Full { .. }
            | Self::TooLarge { .. }
            | Self::InvalidKey
            | Self::Unsigned { .. } => false,
        }
    }

    /// Whether the server may carry the request out all the same, now or later.
    pub(crate) fn is_ambiguous(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::TimedOut { .. } => true,
            // A gateway's 5xx says nothing about what happens behind it.
            Self::Rejected(rejection) => rejection.status >= 500,
            _ => false,
        }
    }
}

/// A server's negative answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}{}{}", code.as_deref().map(|code| format!(" {code}")).unwrap_or_default(),
    if message.is_empty() { String::new() } else { format!(": {message}") })]
pub struct Rejection {
    /// The HTTP status.
    pub status: u16,
    /// The S3 error code, e.g. `NoSuchBucket`; `None` if the answer is not an S3 error document.
    pub code: Option<String>,
    /// The server's explanation, cut to a line; else the beginning of its answer.
    pub message: String,
    /// The region the bucket is in, if the answer names it.
    pub region: Option<String>,
}

impl Rejection {
    fn is_transient(&self) -> bool {
        const CODES: [&str; 5] =
            ["RequestTimeout", "IncompleteBody", "BadDigest", "OperationAborted", "SlowDown"];
        matches!(self.status, 408 | 425 | 429 | 500 | 502..)
            || self.code.as_deref().is_some_and(|code| CODES.contains(&code))
    }
}

/// Refuses keys that a URL would rewrite: `a/../b` must not name `b`.
pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(StoreError::InvalidKey);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(status: u16, code: Option<&str>) -> StoreError {
        let code = code.map(str::to_owned);
        StoreError::Rejected(Rejection { status, code, message: String::new(), region: None })
    }

    #[test]
    fn only_what_can_succeed_later_is_transient() {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert!(rejected(status, None).is_transient(), "{status}");
        }
        for status in [301, 307, 400, 401, 403, 404, 405, 412, 501] {
            assert!(!rejected(status, None).is_transient(), "{status}");
        }
        assert!(rejected(400, Some("RequestTimeout")).is_transient());
        assert!(!rejected(403, Some("SignatureDoesNotMatch")).is_transient());
        assert!(!StoreError::Tls { reason: String::new() }.is_transient());
    }

    #[test]
    fn a_rejection_reads_well_with_and_without_an_s3_document() {
        let s3 = Rejection {
            status: 404,
            code: Some("NoSuchBucket".into()),
            message: "The bucket does not exist".into(),
            region: None,
        };
        assert_eq!(s3.to_string(), "HTTP 404 NoSuchBucket: The bucket does not exist");
        assert_eq!(rejected(502, None).to_string(), "HTTP 502");
    }

    #[test]
    fn keys_that_a_url_would_rewrite_are_invalid() {
        for key in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/."] {
            assert_eq!(check_key(key), Err(StoreError::InvalidKey), "{key:?}");
        }
        for key in ["a", "a/b.ts", "a/..b/c..", "x y+z%/é", ".hidden"] {
            assert_eq!(check_key(key), Ok(()), "{key:?}");
        }
    }
}

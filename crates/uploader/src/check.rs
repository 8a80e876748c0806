use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::{Object, ObjectStore, Operation, Rejection, StoreError};

/// Finds out whether a store can be used: puts a small object, reads it back, and deletes it.
///
/// Makes single attempts, each of which may take as long as `limit`. On any failure but the
/// last step's, the probe object may be left behind; its key begins with `start-up-check-`.
pub async fn check(store: &dyn ObjectStore, limit: Duration) -> Result<(), CheckError> {
    let nonce: u64 = rand::random();
    let probe = Object {
        key: format!("start-up-check-{nonce:016x}"),
        data: format!("{nonce:016x}").into(),
        content_type: "text/plain",
        cache_control: "no-store",
    };
    let (key, at) = (&probe.key, || store.location());
    let failed = |operation| move |error| CheckError::new(operation, error, at());
    within(limit, store.put(&probe)).await.map_err(failed(Operation::Put))?;
    let data: Bytes = within(limit, store.get(key)).await.map_err(failed(Operation::Get))?;
    if data != probe.data {
        return Err(CheckError::ReadBack { at: at() });
    }
    within(limit, store.delete(key)).await.map_err(failed(Operation::Delete))
}

/// A single attempt, which may take so long.
pub(crate) async fn within<T>(
    limit: Duration,
    attempt: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, attempt).await.unwrap_or(Err(StoreError::TimedOut { after: limit }))
}

/// What is wrong with a store, and what to do about it. `at` is the store's
/// [`location`](ObjectStore::location).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The endpoint's host name has no address.
    #[error(
        "{at}: cannot resolve the host name ({reason}). Correct the endpoint, or look at this machine's DNS."
    )]
    UnknownHost {
        /// The store.
        at: String,
        /// The resolver's words.
        reason: String,
    },
    /// Nothing listens there.
    #[error("{at}: connection refused. Start the S3 server, or correct the endpoint's port.")]
    Refused {
        /// The store.
        at: String,
    },
    /// No connection comes about.
    #[error("{at}: cannot connect ({reason}). Look at the network, a firewall, and the endpoint's address.")]
    Unreachable {
        /// The store.
        at: String,
        /// The operating system's words.
        reason: String,
    },
    /// The TLS handshake fails.
    #[error(
        "{at}: TLS fails ({reason}). If the server speaks plain HTTP, write http:// in the endpoint; \
        if its certificate is private, add its authority to this system's (or name it in SSL_CERT_FILE)."
    )]
    Tls {
        /// The store.
        at: String,
        /// The TLS library's words.
        reason: String,
    },
    /// It connects, but gives no answer.
    #[error(
        "{at}: no answer within {after:?}. The server is overloaded or hangs, or something between drops the traffic."
    )]
    TimedOut {
        /// The store.
        at: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection breaks.
    #[error(
        "{at}: the connection broke ({reason}). The port may belong to another program, or want https://."
    )]
    Interrupted {
        /// The store.
        at: String,
        /// The transport's words.
        reason: String,
    },
    /// What answers is no S3 server.
    #[error(
        "{at}: this is not an S3 server ({answer}). Correct the endpoint: the S3 port, not a console's or a web server's."
    )]
    NotS3 {
        /// The store.
        at: String,
        /// Its answer.
        answer: Rejection,
    },
    /// There is no such bucket.
    #[error(
        "{at}: the bucket does not exist. Create it, or correct its name; servers other than AWS often need path style."
    )]
    NoSuchBucket {
        /// The store.
        at: String,
    },
    /// The access key id is unknown to the server.
    #[error("{at}: the server does not know the access key id. Correct AWS_ACCESS_KEY_ID.")]
    UnknownKeyId {
        /// The store.
        at: String,
    },
    /// The secret key does not belong to the access key id.
    #[error(
        "{at}: the secret access key is wrong. Correct AWS_SECRET_ACCESS_KEY; it must belong to the key id."
    )]
    WrongSecret {
        /// The store.
        at: String,
    },
    /// Temporary keys have run out, or came without their token.
    #[error(
        "{at}: the temporary keys are not valid any more, or lack their token ({answer}). Renew them and set AWS_SESSION_TOKEN too."
    )]
    Session {
        /// The store.
        at: String,
        /// The server's answer.
        answer: Rejection,
    },
    /// The keys are good, but lack a permission.
    #[error(
        "{at}: {operation} is not permitted ({answer}). Grant the keys s3:PutObject, s3:GetObject and s3:DeleteObject on the \
        bucket, and check its name: keys limited to one bucket get this answer for any other, even a missing one."
    )]
    NoPermission {
        /// The store.
        at: String,
        /// What was refused.
        operation: Operation,
        /// The server's answer.
        answer: Rejection,
    },
    /// The bucket is in another region.
    #[error("{at}: the bucket is in another region{}. Correct the region.", region.as_deref().map(|r| format!(", {r}")).unwrap_or_default())]
    WrongRegion {
        /// The store.
        at: String,
        /// The bucket's region, if the server names it.
        region: Option<String>,
    },
    /// The clocks differ too much for signatures to hold.
    #[error(
        "{at}: this machine's clock is wrong, so the server refuses its signatures. Synchronize it (NTP)."
    )]
    ClockSkew {
        /// The store.
        at: String,
    },
    /// The server is there, but not fit to serve now.
    #[error("{at}: the server cannot serve requests now ({answer}). Look at its own log.")]
    Unavailable {
        /// The store.
        at: String,
        /// The server's answer.
        answer: Rejection,
    },
    /// What was put is not what is read back.
    #[error(
        "{at}: the server accepts an object but gives back another. Correct the endpoint: this is not an S3 server, or a cache stands before it."
    )]
    ReadBack {
        /// The store.
        at: String,
    },
    /// Another refusal.
    #[error("{at}: {operation} fails ({source})")]
    Refusal {
        /// The store.
        at: String,
        /// What fails.
        operation: Operation,
        /// Why.
        source: StoreError,
    },
}

impl CheckError {
    fn new(operation: Operation, error: StoreError, at: String) -> Self {
        match error {
            StoreError::Unresolved { reason } => Self::UnknownHost { at, reason },
            StoreError::Refused => Self::Refused { at },
            StoreError::Unreachable { reason } => Self::Unreachable { at, reason },
            StoreError::Tls { reason } => Self::Tls { at, reason },
            StoreError::TimedOut { after } => Self::TimedOut { at, after },
            StoreError::Interrupted { reason } => Self::Interrupted { at, reason },
            StoreError::Rejected(answer) => Self::rejected(operation, answer, at),
            StoreError::NotFound if operation == Operation::Get => Self::ReadBack { at },
            source @ (StoreError::NotFound
            | StoreError::NoMultipart
            | StoreError::Full { .. }
            | StoreError::TooLarge { .. }
            | StoreError::InvalidKey
            | StoreError::NoListing
            | StoreError::Unreadable { .. }
            | StoreError::Unsigned { .. }) => Self::Refusal { at, operation, source },
        }
    }

    fn rejected(operation: Operation, answer: Rejection, at: String) -> Self {
        match (answer.status, answer.code.as_deref()) {
            (_, Some("NoSuchBucket")) => Self::NoSuchBucket { at },
            (_, Some("InvalidAccessKeyId")) => Self::UnknownKeyId { at },
            (_, Some("SignatureDoesNotMatch")) => Self::WrongSecret { at },
            (_, Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired")) => {
                Self::Session { at, answer }
            }
            (_, Some("RequestTimeTooSkewed")) => Self::ClockSkew { at },
            (
                _,
                Some(
                    "PermanentRedirect"
                    | "TemporaryRedirect"
                    | "AuthorizationHeaderMalformed"
                    | "IllegalLocationConstraintException",
                ),
            ) => Self::WrongRegion { at, region: answer.region },
            // AWS answers 301 without a document where none fits, but names the region in a header.
            (301 | 307 | 308 | 400, None) if answer.region.is_some() => {
                Self::WrongRegion { at, region: answer.region }
            }
            (500.., _) | (429, _) => Self::Unavailable { at, answer },
            (_, None) => Self::NotS3 { at, answer },
            (401 | 403, Some(_)) => Self::NoPermission { at, operation, answer },
            _ => Self::Refusal { at, operation, source: StoreError::Rejected(answer) },
        }
    }
}

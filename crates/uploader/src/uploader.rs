use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use crate::retry::Budget;
use crate::{Object, ObjectStore, RetryPolicy, StoreError};

/// Does with objects all that an [`ObjectStore`] can, trying again what can succeed later. Cloning gives another handle
/// to the same store.
///
/// This is the only place that retries: stores make single attempts. Dropping a future it returns
/// abandons the operation; nothing goes on in the background.
#[derive(Clone)]
pub struct Uploader {
    store: Arc<dyn ObjectStore>,
    policy: RetryPolicy,
}

impl Uploader {
    /// An uploader into `store`.
    pub fn new(store: Arc<dyn ObjectStore>, policy: RetryPolicy) -> Self {
        Self { store, policy }
    }

    /// The same store, with another patience.
    #[must_use]
    pub fn with_policy(&self, policy: RetryPolicy) -> Self {
        Self { store: self.store.clone(), policy }
    }

    /// Stores `object`. Its bytes are shared by all attempts, never copied.
    ///
    /// For a key that is written once. A key whose content changes needs a [`crate::LatestObject`].
    pub async fn put(&self, object: &Object) -> Result<Stored, Error> {
        let (stored, ()) = self.retry(Operation::Put, &object.key, || self.store.put(object)).await?;
        Ok(stored)
    }

    /// An address at which anybody can read an object for so long; `None` where the store has none.
    pub async fn signed_url(&self, key: &str, lifetime: Duration) -> Result<Option<String>, Error> {
        let attempt = || self.store.signed_url(key, lifetime);
        self.retry(Operation::Sign, key, attempt).await.map(|(_, url)| url)
    }

    /// Reads the bytes of a small object.
    pub async fn get(&self, key: &str) -> Result<Bytes, Error> {
        let (_, data) = self.retry(Operation::Get, key, || self.store.get(key)).await?;
        Ok(data)
    }

    /// Removes the object of that key. That there is none is success.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.retry(Operation::Delete, key, || self.store.delete(key)).await.map(|_| ())
    }

    /// The store behind it.
    pub fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// The policy that it follows.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Makes attempts, each of which the policy's limit ends, until one succeeds; how that was, and what it brought.
    pub(crate) async fn retry<T, F>(
        &self,
        operation: Operation,
        key: &str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<(Stored, T), Error>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut budget = Budget::new(&self.policy, Instant::now());
        loop {
            let after = budget.attempt(Instant::now());
            let outcome = timeout(after, attempt()).await;
            let now = Instant::now();
            let source = match outcome {
                Ok(Ok(brought)) => {
                    let stored = Stored { attempts: budget.attempts(), elapsed: budget.elapsed(now) };
                    return Ok((stored, brought));
                }
                Ok(Err(error)) => error,
                Err(_) => StoreError::TimedOut { after },
            };
            let Some(pause) = budget.pause(&source, rand::random(), now) else {
                return Err(Error {
                    key: key.to_owned(),
                    operation,
                    attempts: budget.attempts(),
                    elapsed: budget.elapsed(now),
                    source,
                });
            };
            debug!(key, %operation, attempt = budget.attempts(), ?pause, error = %source, "attempt failed, will retry");
            sleep(pause).await;
        }
    }
}

impl fmt::Debug for Uploader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploader")
            .field("store", &self.store.location())
            .field("policy", &self.policy)
            .finish()
    }
}

/// How an object got stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Attempts made; the last one succeeded. 0 if the attempt of a concurrent call stored it.
    pub attempts: u32,
    /// From the first attempt's start to the last one's end, pauses included.
    pub elapsed: Duration,
}

/// Why an operation was given up.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} {key}: {source} (gave up after {attempts} attempt(s) in {elapsed:.1?})")]
pub struct Error {
    /// The object's key.
    pub key: String,
    /// What was to be done with it.
    pub operation: Operation,
    /// Attempts made.
    pub attempts: u32,
    /// From the first attempt's start to the last one's end, pauses included.
    pub elapsed: Duration,
    /// What the last attempt failed with.
    pub source: StoreError,
}

impl Error {
    /// Whether the operation can succeed later with nobody changing a setting. If not, trying on is only
    /// worthwhile at a slow pace, in case somebody repairs the bucket or its permissions.
    pub fn is_transient(&self) -> bool {
        self.source.is_transient()
    }
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Storing it.
    Put,
    /// Reading it.
    Get,
    /// Removing it.
    Delete,
    /// Making an address of it.
    Sign,
    /// Beginning one that comes in parts.
    CreateMultipart,
    /// Storing a part of it.
    PutPart,
    /// Making it of its parts.
    CompleteMultipart,
    /// Giving its parts up.
    AbortMultipart,
    /// Listing what there is.
    List,
    /// Listing what comes in parts and is unfinished.
    ListMultiparts,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "PUT",
            Self::Get => "GET",
            Self::Delete => "DELETE",
            Self::Sign => "sign an address of",
            Self::CreateMultipart => "CreateMultipartUpload",
            Self::PutPart => "UploadPart",
            Self::CompleteMultipart => "CompleteMultipartUpload",
            Self::AbortMultipart => "AbortMultipartUpload",
            Self::List => "ListObjects",
            Self::ListMultiparts => "ListMultipartUploads",
        })
    }
}

//! Objects in a bucket of an S3-compatible server.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use s3::Bucket;
use s3::command::Command;
use s3::error::S3Error;
use s3::request::Request as _;
use s3::request::tokio_backend::ReqwestRequest;

use crate::store::{GET_LIMIT, check_key};
use crate::{
    ListedMultipart, ListedObject, Multipart, Object, ObjectStore, Page, Part, StoreError, StoreFuture,
};

mod answer;
mod lifecycle;
mod listing;
mod multipart;
mod options;

pub use lifecycle::{LifecycleChange, LifecycleError};
pub use options::{S3Options, S3OptionsError};
use options::{bucket, prefix};

/// Idle connections are dropped before the usual servers do so, lest a request meet a closing one.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// A bucket of an S3-compatible server, over HTTP/1.1.
///
/// `rust-s3` addresses and signs the requests. They are sent here, because `rust-s3`'s own sending copies each
/// body and knows no connect timeout: an attempt borrows the object's bytes, however many there are.
///
/// TLS is rustls with ring, trusting the system's certificates and Mozilla's. reqwest falls back to
/// ring by itself if the process has no default provider, so another one in the build does no harm.
pub struct S3Store {
    bucket: Box<Bucket>,
    prefix: String,
    client: reqwest::Client,
    delivery_timeout: Duration,
}

impl S3Store {
    /// A store in that bucket. Sends nothing; see [`crate::check`].
    pub fn new(options: S3Options) -> Result<Self, S3OptionsError> {
        let client = reqwest::Client::builder()
            .http1_only()
            // A redirect is a wrong region or no S3 server, and a followed one carries a wrong signature.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .tcp_user_timeout(options.delivery_timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(|error| S3OptionsError::Client(answer::root_cause(&error)))?;
        Ok(Self {
            prefix: prefix(&options.prefix)?,
            delivery_timeout: options.delivery_timeout,
            bucket: bucket(options)?,
            client,
        })
    }

    async fn send(&self, key: &str, command: Command<'_>, body: Bytes) -> Result<Response, StoreError> {
        check_key(key)?;
        self.request(&format!("{}{key}", self.prefix), command, body).await
    }

    /// Sends a request that concerns a path in the bucket, or the bucket itself.
    async fn request(&self, path: &str, command: Command<'_>, body: Bytes) -> Result<Response, StoreError> {
        let method = match command {
            Command::PutObject { .. } | Command::PutBucketLifecycle { .. } => Method::PUT,
            Command::DeleteBucketLifecycle => Method::DELETE,
            Command::DeleteObject | Command::AbortMultipartUpload { .. } => Method::DELETE,
            Command::InitiateMultipartUpload { .. } | Command::CompleteMultipartUpload { .. } => Method::POST,
            _ => Method::GET,
        };
        let request = ReqwestRequest::new(&self.bucket, path, command).await.map_err(unsigned)?;
        let url = request.url().map_err(unsigned)?;
        // The signature covers the time, so each attempt has its own.
        let headers = request.headers().await.map_err(unsigned)?;
        let response = self.client.request(method, url).headers(headers).body(body).send().await;
        let response = response.map_err(|error| answer::transport_error(&error, self.delivery_timeout))?;
        if response.status().is_success() { Ok(response) } else { Err(answer::rejection(response).await) }
    }

    async fn put(&self, object: &Object) -> Result<(), StoreError> {
        let command = Command::PutObject {
            content: &object.data,
            content_type: object.content_type,
            custom_headers: Some(HeaderMap::from_iter([(
                CACHE_CONTROL,
                HeaderValue::from_static(object.cache_control),
            )])),
            multipart: None,
        };
        self.send(&object.key, command, object.data.clone()).await.map(|_| ())
    }

    async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let mut response = self.send(key, Command::GetObject, Bytes::new()).await.map_err(not_found)?;
        let mut data = BytesMut::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| answer::transport_error(&error, self.delivery_timeout))? {
                None => return Ok(data.freeze()),
                Some(chunk) if data.len() + chunk.len() > GET_LIMIT => {
                    return Err(StoreError::TooLarge { limit: GET_LIMIT });
                }
                Some(chunk) => data.extend_from_slice(&chunk),
            }
        }
    }

    async fn signed_url(&self, key: &str, lifetime: Duration) -> Result<Option<String>, StoreError> {
        check_key(key)?;
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let url = self.bucket.presign_get(format!("/{}{key}", self.prefix), seconds, None).await;
        url.map(Some).map_err(unsigned)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.send(key, Command::DeleteObject, Bytes::new()).await.map_err(not_found) {
            Ok(_) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ObjectStore for S3Store {
    fn location(&self) -> String {
        let Bucket { name, region, .. } = &*self.bucket;
        format!("s3://{name}/{} at {}://{} (region {region})", self.prefix, region.scheme(), region.host())
    }

    fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
        Box::pin(self.put(object))
    }

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes> {
        Box::pin(self.get(key))
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.delete(key))
    }

    fn signed_url<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Option<String>> {
        Box::pin(self.signed_url(key, lifetime))
    }

    fn list<'a>(&'a self, prefix: &'a str, page: Option<&'a str>) -> StoreFuture<'a, Page<ListedObject>> {
        Box::pin(self.list(prefix, page))
    }

    fn list_multiparts<'a>(
        &'a self,
        prefix: &'a str,
        page: Option<&'a str>,
    ) -> StoreFuture<'a, Page<ListedMultipart>> {
        Box::pin(self.list_multiparts(prefix, page))
    }

    fn create_multipart<'a>(&'a self, key: &'a str, content_type: &'static str) -> StoreFuture<'a, String> {
        Box::pin(self.create_multipart(key, content_type))
    }

    fn put_part<'a>(
        &'a self,
        upload: &'a Multipart,
        number: u32,
        data: &'a Bytes,
    ) -> StoreFuture<'a, String> {
        Box::pin(self.put_part(upload, number, data))
    }

    fn complete_multipart<'a>(&'a self, upload: &'a Multipart, parts: &'a [Part]) -> StoreFuture<'a, ()> {
        Box::pin(self.complete_multipart(upload, parts))
    }

    fn abort_multipart<'a>(&'a self, upload: &'a Multipart) -> StoreFuture<'a, ()> {
        Box::pin(self.abort_multipart(upload))
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("location", &self.location()).finish_non_exhaustive()
    }
}

fn unsigned(error: S3Error) -> StoreError {
    StoreError::Unsigned { reason: error.to_string() }
}

/// A 404 for an object; that for a bucket stays a rejection.
fn not_found(error: StoreError) -> StoreError {
    match &error {
        StoreError::Rejected(rejection)
            if rejection.status == StatusCode::NOT_FOUND
                && rejection.code.as_deref() != Some("NoSuchBucket") =>
        {
            StoreError::NotFound
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;

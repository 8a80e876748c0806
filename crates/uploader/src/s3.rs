use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use s3::Bucket;
use s3::command::Command;
use s3::creds::Credentials;
use s3::error::S3Error;
use s3::region::Region;
use s3::request::Request as _;
use s3::request::tokio_backend::ReqwestRequest;
use url::Url;

use crate::store::check_key;
use crate::{
    ListedMultipart, ListedObject, Multipart, Object, ObjectStore, Page, Part, StoreError, StoreFuture,
};

mod answer;
mod lifecycle;
mod listing;
mod multipart;

pub use lifecycle::{LifecycleChange, LifecycleError};

/// The largest object that `get` reads; it exists for small ones.
const GET_LIMIT: usize = 16 << 20;

/// Bytes a second that an uplink takes at least: a large body is given the time for it. The retry policy
/// may be stricter.
const SLOWEST: usize = 256 << 10;

/// Idle connections are dropped before the usual servers do so, lest a request meet a closing one.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Where and as whom to store objects. `Debug` shows no secret.
#[derive(Clone)]
pub struct S3Options {
    /// The bucket. It must exist.
    pub bucket: String,
    /// The server, `http://` or `https://`; `None` is AWS in `region`.
    pub endpoint: Option<Url>,
    /// The region that requests are signed for. Servers other than AWS mostly take any.
    pub region: String,
    /// `https://host/bucket/key` rather than `https://bucket.host/key`.
    pub path_style: bool,
    /// Goes before each key, with a `/` between; may be empty.
    pub prefix: String,
    /// The access key id (`AWS_ACCESS_KEY_ID`).
    pub access_key: Option<String>,
    /// The secret access key (`AWS_SECRET_ACCESS_KEY`).
    pub secret_key: Option<String>,
    /// Goes with temporary keys (`AWS_SESSION_TOKEN`).
    pub session_token: Option<String>,
    /// How long connecting may take, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// How long a single attempt may take. The kernel, too, gives up on bytes that the server has not
    /// acknowledged for that long, so that they can't arrive after later attempts. Set it to the retry
    /// policy's [`per_try_timeout`](crate::RetryPolicy::per_try_timeout).
    pub attempt_timeout: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            endpoint: None,
            region: "us-east-1".into(),
            path_style: false,
            prefix: String::new(),
            access_key: None,
            secret_key: None,
            session_token: None,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint.as_ref().map(Url::as_str))
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("prefix", &self.prefix)
            .field("access_key", &self.access_key.as_ref().map(|_| "(set)"))
            .field("secret_key", &self.secret_key.as_ref().map(|_| "(set)"))
            .field("session_token", &self.session_token.as_ref().map(|_| "(set)"))
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .finish()
    }
}

/// Why [`S3Options`] cannot work, whatever the server says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3OptionsError {
    /// No bucket is named, or its name could not stand in a URL.
    #[error("bucket name {0:?} is not valid: use letters, digits, `-`, `.` and `_`")]
    Bucket(String),
    /// The endpoint is not a plain server address.
    #[error(
        "S3 endpoint {0} is not valid: give http://host[:port] or https://host[:port], without a user, query or fragment"
    )]
    Endpoint(String),
    /// The region is empty or could not stand in a signature.
    #[error("S3 region {0:?} is not valid: e.g. us-east-1")]
    Region(String),
    /// The prefix could not stand in a URL unchanged.
    #[error("S3 prefix {0:?} is not valid: no segment between slashes may be empty, `.` or `..`")]
    Prefix(String),
    /// One of the two keys is missing.
    #[error("no S3 keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoKeys,
    /// A key holds characters that no HTTP header can carry, e.g. a line end.
    #[error(
        "S3 key id, secret or session token holds a space, a line end or another character that no key has"
    )]
    Keys,
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

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
    attempt_timeout: Duration,
}

impl S3Store {
    /// A store in that bucket. Sends nothing; see [`crate::check`].
    pub fn new(options: S3Options) -> Result<Self, S3OptionsError> {
        let client = reqwest::Client::builder()
            .http1_only()
            // A redirect is a wrong region or no S3 server, and a followed one carries a wrong signature.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .timeout(options.attempt_timeout)
            .tcp_user_timeout(options.attempt_timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map_err(|error| S3OptionsError::Client(answer::root_cause(&error)))?;
        Ok(Self {
            prefix: prefix(&options.prefix)?,
            attempt_timeout: options.attempt_timeout,
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
            Command::HeadObject => Method::HEAD,
            _ => Method::GET,
        };
        let request = ReqwestRequest::new(&self.bucket, path, command).await.map_err(unsigned)?;
        let url = request.url().map_err(unsigned)?;
        // The signature covers the time, so each attempt has its own.
        let headers = request.headers().await.map_err(unsigned)?;
        let limit = self.attempt_timeout.max(Duration::from_secs((body.len() / SLOWEST) as u64));
        let response =
            self.client.request(method, url).headers(headers).timeout(limit).body(body).send().await;
        let response = response.map_err(|error| answer::transport_error(&error, self.attempt_timeout))?;
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
            match chunk.map_err(|error| answer::transport_error(&error, self.attempt_timeout))? {
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

fn bucket(options: S3Options) -> Result<Box<Bucket>, S3OptionsError> {
    let name = options.bucket;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Err(S3OptionsError::Bucket(name));
    }
    let region = options.region;
    if region.is_empty() || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(S3OptionsError::Region(region));
    }
    let endpoint = match options.endpoint {
        Some(url) => endpoint(&url)?,
        None if region.starts_with("cn-") => format!("https://s3.{region}.amazonaws.com.cn"),
        None => format!("https://s3.{region}.amazonaws.com"),
    };
    let (Some(access_key), Some(secret_key)) = (options.access_key, options.secret_key) else {
        return Err(S3OptionsError::NoKeys);
    };
    let session_token = options.session_token.as_deref();
    for key in [Some(access_key.as_str()), Some(secret_key.as_str()), session_token].into_iter().flatten() {
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(S3OptionsError::Keys);
        }
    }
    let credentials = Credentials::new(Some(&access_key), Some(&secret_key), None, session_token, None)
        .map_err(|error| S3OptionsError::Client(error.to_string()))?;
    let bucket = Bucket::new(&name, Region::Custom { region, endpoint }, credentials)
        .map_err(|error| S3OptionsError::Client(error.to_string()))?;
    Ok(if options.path_style { bucket.with_path_style() } else { bucket })
}

fn endpoint(url: &Url) -> Result<String, S3OptionsError> {
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        // The user part may hold a secret.
        let mut shown = url.clone();
        let _ = shown.set_password(None).and_then(|()| shown.set_username(""));
        Err(S3OptionsError::Endpoint(shown.into()))
    }
}

fn prefix(prefix: &str) -> Result<String, S3OptionsError> {
    let trimmed = prefix.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    check_key(trimmed).map_err(|_| S3OptionsError::Prefix(prefix.to_owned()))?;
    Ok(format!("{trimmed}/"))
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
mod tests {
    use super::*;

    fn options() -> S3Options {
        S3Options {
            bucket: "live".into(),
            access_key: Some("AKIDEXAMPLE".into()),
            secret_key: Some("wJalrXUtnFEMI/K7MDENG".into()),
            session_token: Some("FwoGZXIvYXdzEXAMPLE".into()),
            ..S3Options::default()
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", options(), S3Store::new(options()).unwrap());
        for secret in ["AKIDEXAMPLE", "wJalr", "FwoG"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn options_that_cannot_work_are_refused_by_name() {
        let with = |change: fn(&mut S3Options)| {
            let mut options = options();
            change(&mut options);
            S3Store::new(options).err()
        };
        assert_eq!(with(|o| o.bucket = "a/b".into()), Some(S3OptionsError::Bucket("a/b".into())));
        assert_eq!(with(|o| o.bucket.clear()), Some(S3OptionsError::Bucket(String::new())));
        assert_eq!(with(|o| o.region = "eu west".into()), Some(S3OptionsError::Region("eu west".into())));
        assert_eq!(with(|o| o.prefix = "a/../b".into()), Some(S3OptionsError::Prefix("a/../b".into())));
        assert_eq!(with(|o| o.secret_key = None), Some(S3OptionsError::NoKeys));
        assert_eq!(with(|o| o.secret_key = Some("a\n".into())), Some(S3OptionsError::Keys));
        assert_eq!(
            with(|o| o.endpoint = Url::parse("https://me:hush@host/").ok()),
            Some(S3OptionsError::Endpoint("https://host/".into()))
        );
        assert_eq!(
            with(|o| o.endpoint = Url::parse("ftp://host/").ok()),
            Some(S3OptionsError::Endpoint("ftp://host/".into()))
        );
    }

    #[tokio::test]
    async fn requests_are_addressed_as_configured() {
        let url = async |change: fn(&mut S3Options)| {
            let mut options = options();
            change(&mut options);
            let store = S3Store::new(options).unwrap();
            let path = format!("{}a b+%é/x.ts", store.prefix);
            let request = ReqwestRequest::new(&store.bucket, &path, Command::GetObject).await.unwrap();
            request.url().unwrap().to_string()
        };
        assert_eq!(url(|_| ()).await, "https://live.s3.us-east-1.amazonaws.com/a%20b%2B%25%C3%A9/x.ts");
        assert_eq!(
            url(|o| {
                o.endpoint = Url::parse("http://minio:9000/").ok();
                o.path_style = true;
                o.prefix = "/one/two/".into();
            })
            .await,
            "http://minio:9000/live/one/two/a%20b%2B%25%C3%A9/x.ts"
        );
        assert_eq!(
            url(|o| o.region = "cn-north-1".into()).await,
            "https://live.s3.cn-north-1.amazonaws.com.cn/a%20b%2B%25%C3%A9/x.ts"
        );
    }
}

//! Where a bucket is and as whom it is used.

use std::fmt;
use std::time::Duration;

use s3::Bucket;
use s3::creds::Credentials;
use s3::region::Region;
use url::Url;

use crate::store::check_key;

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
    /// The kernel gives up on bytes that the server has not acknowledged for that long, so that they can't arrive after
    /// later attempts. How long an attempt may take in all is said by who makes it. Set this to the retry policy's
    /// [`per_try_timeout`](crate::RetryPolicy::per_try_timeout), or less.
    pub delivery_timeout: Duration,
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
            delivery_timeout: Duration::from_secs(5),
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
            .field("delivery_timeout", &self.delivery_timeout)
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

/// The bucket as `rust-s3` knows it.
pub(super) fn bucket(options: S3Options) -> Result<Box<Bucket>, S3OptionsError> {
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

/// What goes before each key: empty, or ending with a `/`.
pub(super) fn prefix(prefix: &str) -> Result<String, S3OptionsError> {
    let trimmed = prefix.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    check_key(trimmed).map_err(|_| S3OptionsError::Prefix(prefix.to_owned()))?;
    Ok(format!("{trimmed}/"))
}

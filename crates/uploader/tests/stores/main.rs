//! The uploader against a real S3 server, faulty servers, and a simulated one that writes late.
#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers belong to tests, too")]

mod fault_server;
mod faults;
mod latest;
mod lifecycle;
mod listing;
mod multipart;
mod s3_server;
mod seaweed;
mod start_up;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uploader::{Object, RetryPolicy, S3Options, S3Store, Uploader};
use url::Url;

/// How long a single attempt may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The default options for a server on this machine.
fn options(endpoint: &str) -> S3Options {
    S3Options {
        bucket: "live".into(),
        endpoint: Some(Url::parse(endpoint).unwrap()),
        path_style: true,
        access_key: Some("weir".into()),
        secret_key: Some("weir-secret".into()),
        ..S3Options::default()
    }
}

/// An uploader whose attempts are over after a second.
fn uploader(endpoint: &str) -> Uploader {
    let per_try_timeout = Duration::from_secs(1);
    let store = S3Store::new(options(endpoint)).unwrap();
    Uploader::new(Arc::new(store), RetryPolicy { attempts: 4, per_try_timeout, ..RetryPolicy::default() })
}

fn segment(key: &str, size: usize) -> Object {
    let data = (0..size).map(|i| (i % 251) as u8).collect::<Bytes>();
    Object { key: key.into(), data, content_type: "video/mp2t", cache_control: "max-age=31536000, immutable" }
}

//! The URLs that are handed out.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use url::Url;

use super::Api;
use crate::catalog::VideoId;
use crate::ingest::APP;
use crate::live::ObjectKeys;

/// What URLs are made of, beside the request.
#[derive(Clone, Debug)]
pub(crate) struct UrlOptions {
    pub(crate) public_url: Option<Url>,
    pub(crate) rtmp_port: u16,
    /// `None` where RTMPS isn't set up.
    pub(crate) rtmps_port: Option<u16>,
    /// Where players read the bucket; `None` where there is none.
    pub(crate) objects: Option<String>,
}

/// A request came over TLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encrypted;

/// The URLs as the caller of this request can use them.
pub(super) struct Urls {
    /// Without a slash at its end.
    base: String,
    host: String,
    options: UrlOptions,
}

impl FromRequestParts<Api> for Urls {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let authority = header(HOST.as_str()).or_else(|| parts.uri.authority().map(|a| a.as_str()));
        let is_encrypted = parts.extensions.get::<Encrypted>().is_some();
        let is_forwarded = header("x-forwarded-proto") == Some("https");
        let scheme = if is_encrypted || is_forwarded { "https" } else { "http" };
        Ok(Self::new(api.urls.clone(), scheme, authority.unwrap_or("localhost")))
    }
}

impl Urls {
    fn new(options: UrlOptions, scheme: &str, authority: &str) -> Self {
        // A Host header that is no authority would end up in an encoder's settings.
        let requested = Url::parse(&format!("{scheme}://{authority}")).ok();
        let base = options.public_url.clone().or(requested);
        let host = base.as_ref().and_then(Url::host_str).unwrap_or("localhost").to_owned();
        let base = base.as_ref().map_or("http://localhost", Url::as_str).trim_end_matches('/').to_owned();
        Self { base, host, options }
    }

    pub(super) fn rtmp(&self) -> String {
        format!("rtmp://{}:{}/{APP}", self.host, self.options.rtmp_port)
    }

    pub(super) fn rtmps(&self) -> Option<String> {
        self.options.rtmps_port.map(|port| format!("rtmps://{}:{port}/{APP}", self.host))
    }

    pub(super) fn player(&self, id: &VideoId) -> String {
        format!("{}/live/{id}", self.base)
    }

    pub(super) fn playback(&self, id: &VideoId) -> String {
        format!("{}/{}", self.base, ObjectKeys::new(id).media_playlist())
    }

    /// An object, as this server serves it.
    pub(super) fn origin(&self, key: &str) -> String {
        format!("{}/{key}", self.base)
    }

    /// An object in the bucket; `None` where there is none.
    pub(super) fn object(&self, key: &str) -> Option<String> {
        self.options.objects.as_ref().map(|objects| format!("{objects}/{key}"))
    }

    pub(super) fn s3_playback(&self, id: &VideoId) -> Option<String> {
        let objects = self.options.objects.as_ref()?;
        Some(format!("{objects}/{}", ObjectKeys::new(id).media_playlist()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(public: Option<&str>, authority: &str) -> Urls {
        let options = UrlOptions {
            public_url: public.map(|url| url.parse().unwrap()),
            rtmp_port: 1935,
            rtmps_port: Some(1936),
            objects: Some("http://s3:9000/bucket".into()),
        };
        Urls::new(options, "http", authority)
    }

    #[test]
    fn urls_follow_the_request_unless_a_public_one_is_set() {
        let id = VideoId::parse("v1").unwrap();
        let asked = urls(None, "10.0.0.7:8080");
        assert_eq!(asked.rtmp(), "rtmp://10.0.0.7:1935/live");
        assert_eq!(asked.playback(&id), "http://10.0.0.7:8080/live/v1/index.m3u8");
        assert_eq!(asked.s3_playback(&id).unwrap(), "http://s3:9000/bucket/live/v1/index.m3u8");
        let public = urls(Some("https://tv.example/"), "10.0.0.7:8080");
        assert_eq!(public.player(&id), "https://tv.example/live/v1");
        assert_eq!(public.rtmp(), "rtmp://tv.example:1935/live");
        assert_eq!(public.rtmps().unwrap(), "rtmps://tv.example:1936/live");
    }

    #[test]
    fn a_nonsense_host_is_not_echoed() {
        assert_eq!(urls(None, "<script> x").rtmp(), "rtmp://localhost:1935/live");
        assert_eq!(urls(None, "[::1]:8080").rtmp(), "rtmp://[::1]:1935/live");
    }
}

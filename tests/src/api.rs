use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::{HlsPoller, Publisher, eventually};

/// A client of the HTTP API.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
}

/// What a call was answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub code: u16,
    /// Header fields.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The body as text.
    pub text: String,
}

/// A stream that the API made.
#[derive(Clone)]
pub struct Stream {
    /// Its id.
    pub id: String,
    /// Its stream key.
    pub key: String,
    /// Where encoders publish, without the key.
    pub rtmp_url: String,
    /// The origin's playlist.
    pub playback_url: String,
    /// The object store's playlist, where there is one.
    pub s3_playback_url: Option<String>,
    api: Api,
}

impl Api {
    /// The API at `base`.
    pub fn new(base: String, token: Option<String>) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        Self { base, token, client }
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// A POST without a body.
    pub async fn post(&self, path: &str) -> Answer {
        self.call(Method::POST, path, None).await
    }

    /// A DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Any call; `body` is sent as JSON.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (code, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap().to_vec();
        Answer { code, headers, text: String::from_utf8_lossy(&body).into_owned(), body }
    }

    /// Makes a stream called `title`.
    pub async fn create(&self, title: &str) -> Stream {
        let body = serde_json::json!({ "title": title });
        let answer = self.call(Method::POST, "/api/live/create", Some(body)).await;
        assert_eq!(answer.code, 201, "create: {}", answer.text);
        let made = answer.json();
        let text = |field: &str| made[field].as_str().map(str::to_owned);
        let must = |field: &str| text(field).unwrap_or_else(|| panic!("no {field} in {made}"));
        Stream {
            id: must("videoId"),
            key: must("streamKey"),
            rtmp_url: must("rtmpUrl"),
            playback_url: must("playbackUrl"),
            s3_playback_url: text("s3PlaybackUrl"),
            api: self.clone(),
        }
    }
}

impl Answer {
    /// The body, parsed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header field, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that it is a problem document (RFC 9457) with this code, and answers its `type`.
    pub fn assert_problem(&self, code: u16) -> String {
        assert_eq!(self.code, code, "{}", self.text);
        let content_type = self.header("content-type");
        assert!(content_type.starts_with("application/problem+json"), "{content_type}: {}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], code, "{problem}");
        for field in ["type", "title", "detail"] {
            let text = problem[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "no {field} in {problem}");
        }
        problem["type"].as_str().unwrap_or_default().to_owned()
    }
}

impl Stream {
    /// The same stream, published to with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The URL that an encoder publishes to, key included.
    pub fn publish_url(&self) -> String {
        format!("{}/{}", self.rtmp_url, self.key)
    }

    /// Publishes with ffmpeg; `args` are its inputs and codecs.
    pub fn publish(&self, args: Vec<String>) -> Publisher {
        Publisher::start(args, &self.publish_url())
    }

    /// Reads the origin's playlist as a player would, from now on.
    pub fn watch(&self) -> HlsPoller {
        HlsPoller::start(&self.playback_url)
    }

    /// Reads the object store's playlist as a player would, from now on.
    pub fn watch_s3(&self) -> HlsPoller {
        HlsPoller::start_unpacked(self.s3_playback_url.as_deref().expect("S3 is on"))
    }

    /// A path of the API beneath this stream.
    pub fn path(&self, call: &str) -> String {
        format!("/api/live/{}/{call}", self.id)
    }

    /// `POST /api/live/{id}/{call}`.
    pub async fn post(&self, call: &str) -> Answer {
        self.api.post(&self.path(call)).await
    }

    /// What the API says of it.
    pub async fn status(&self) -> Value {
        let answer = self.api.get(&self.path("status")).await;
        assert_eq!(answer.code, 200, "status: {}", answer.text);
        answer.json()
    }

    /// Waits until its `status` is this one.
    pub async fn reaches(&self, status: &str) -> Value {
        self.reports(status, |seen| seen["status"] == status).await
    }

    /// Waits until the API says something of it that `enough` accepts.
    pub async fn reports(&self, what: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let last = std::sync::Mutex::new(Value::Null);
        let asked = eventually(what, Duration::from_secs(30), || async {
            let seen = self.status().await;
            let found = enough(&seen).then(|| seen.clone());
            *last.lock().unwrap() = seen;
            found
        });
        asked.await
    }
}

/// Asserts that `value` has exactly these fields, as far as they are given.
pub fn json_eq(value: &Value, expected: &Value) {
    for (field, wanted) in expected.as_object().expect("an object") {
        assert_eq!(&value[field], wanted, "{field} in {value}");
    }
}

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

/// An endpoint of webhooks: remembers what it is sent, and answers as the scenario tells it to.
pub struct WebhookReceiver {
    /// Where events are sent.
    pub url: String,
    state: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

/// What a [`WebhookReceiver`] does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Reaction {
    /// Answers with this status.
    Answer(u16),
    /// Never answers.
    Hang,
}

/// A request that a [`WebhookReceiver`] got.
#[derive(Clone, Debug)]
pub struct Message {
    /// The path of the URL.
    pub path: String,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    pub headers: [String; 3],
    /// As it came.
    pub text: String,
    /// Parsed.
    pub body: Value,
}

struct Shared {
    /// What is done with the next requests.
    next: VecDeque<Reaction>,
    /// And with all others.
    then: Reaction,
    messages: Vec<Message>,
}

const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

impl WebhookReceiver {
    /// Starts it.
    pub async fn start(then: Reaction) -> Self {
        let state = Arc::new(Mutex::new(Shared { next: VecDeque::new(), then, messages: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?secret=of-the-url", listener.local_addr().unwrap());
        let router = Router::new().fallback(received).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    /// Does this with the next requests, and `then` with all others.
    pub fn react(&self, next: impl IntoIterator<Item = Reaction>, then: Reaction) {
        let mut state = self.state.lock().unwrap();
        (state.next, state.then) = (next.into_iter().collect(), then);
    }

    /// What it was sent so far.
    pub fn messages(&self) -> Vec<Message> {
        self.state.lock().unwrap().messages.clone()
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn received(
    State(state): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    text: String,
) -> Response {
    let header =
        |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    let message = Message { path: uri.path().to_owned(), headers: HEADERS.map(header), text, body };
    let reaction = {
        let mut state = state.lock().unwrap();
        state.messages.push(message);
        state.next.pop_front().unwrap_or(state.then)
    };
    match reaction {
        Reaction::Answer(code) => {
            let code = StatusCode::from_u16(code).unwrap();
            (code, [(header::LOCATION, "/elsewhere")], format!("told {code}")).into_response()
        }
        Reaction::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::OK.into_response()
        }
    }
}

/// Asserts, with the library of those who wrote the specification, that `secret` has signed all of these.
pub async fn assert_signed(messages: &[Message], secret: &str) {
    assert!(!messages.is_empty());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("webhooks/verify.py");
    let mut judge = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python is installed");
    let messages: Vec<Value> = messages
        .iter()
        .map(|message| {
            let headers: serde_json::Map<_, _> = HEADERS
                .iter()
                .zip(&message.headers)
                .map(|(&name, value)| (name.into(), json!(value)))
                .collect();
            json!({ "headers": headers, "body": message.text })
        })
        .collect();
    let question = json!({ "secret": secret, "messages": messages }).to_string();
    judge.stdin.take().unwrap().write_all(question.as_bytes()).await.unwrap();
    let verdict = judge.wait_with_output().await.unwrap();
    assert!(verdict.status.success(), "not signed: {}", String::from_utf8_lossy(&verdict.stderr));
}

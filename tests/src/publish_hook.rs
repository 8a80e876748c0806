use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that is asked whether publishes are allowed, and answers as the scenario tells it to.
pub struct PublishHook {
    /// Where it is asked.
    pub url: String,
    state: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

/// What a [`PublishHook`] answers.
#[derive(Clone, Debug)]
pub struct HookAnswer {
    /// HTTP status code.
    pub code: u16,
    /// The body.
    pub body: String,
    /// How long it takes.
    pub delay: Duration,
}

/// What a [`PublishHook`] was asked.
#[derive(Clone, Debug)]
pub struct HookQuestion {
    /// The header field `Authorization`.
    pub authorization: String,
    /// The body.
    pub body: Value,
}

struct Shared {
    answer: HookAnswer,
    questions: Vec<HookQuestion>,
}

impl HookAnswer {
    /// 200 and this body, at once.
    pub fn ok(body: impl ToString) -> Self {
        Self { code: 200, body: body.to_string(), delay: Duration::ZERO }
    }
}

impl PublishHook {
    /// Starts it.
    pub async fn start(answer: HookAnswer) -> Self {
        let state = Arc::new(Mutex::new(Shared { answer, questions: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/on-publish?secret=of-the-url", listener.local_addr().unwrap());
        let router = Router::new().route("/on-publish", post(answered)).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, task }
    }

    /// Answers this from now on.
    pub fn answer(&self, answer: HookAnswer) {
        self.state.lock().unwrap().answer = answer;
    }

    /// What it was asked so far.
    pub fn questions(&self) -> Vec<HookQuestion> {
        self.state.lock().unwrap().questions.clone()
    }
}

impl Drop for PublishHook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answered(State(state): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let question = HookQuestion {
        authorization: authorization.unwrap_or_default().to_owned(),
        body: serde_json::from_str(&body).unwrap_or(Value::Null),
    };
    let answer = {
        let mut state = state.lock().unwrap();
        state.questions.push(question);
        state.answer.clone()
    };
    tokio::time::sleep(answer.delay).await;
    let code = StatusCode::from_u16(answer.code).unwrap();
    (code, [(header::LOCATION, "/elsewhere")], answer.body).into_response()
}

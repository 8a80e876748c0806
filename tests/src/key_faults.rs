use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A front of an object store that fails for some keys alone. It ends when it is dropped.
pub struct KeyFaults {
    port: u16,
    fault: watch::Sender<KeyFault>,
    task: JoinHandle<()>,
}

/// What is wrong with the keys that contain a text.
#[derive(Clone, Debug)]
pub enum KeyFault {
    /// Nothing.
    None,
    /// They are answered so much later.
    Slow(String, Duration),
    /// They are answered with this status.
    Refused(String, StatusCode),
}

impl KeyFaults {
    /// Passes requests on to the store at `target` here.
    pub async fn start(target: u16) -> Self {
        let (fault, seen) = watch::channel(KeyFault::None);
        let client = reqwest::Client::new();
        let front = axum::Router::new()
            .fallback(move |request: Request| pass(client.clone(), target, seen.borrow().clone(), request));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move { axum::serve(listener, front).await.unwrap() });
        Self { port, fault, task }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// This is wrong with requests that come from now on.
    pub fn set(&self, fault: KeyFault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for KeyFaults {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: reqwest::Client, target: u16, fault: KeyFault, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.to_string();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    match fault {
        KeyFault::Slow(key, latency) if path.contains(&key) => sleep(latency).await,
        KeyFault::Refused(key, status) if path.contains(&key) => return status.into_response(),
        _ => {}
    }
    match forward(client, head.method, format!("http://127.0.0.1:{target}{path}"), head.headers, body).await {
        Ok(answer) => answer,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// With the same `Host`, which the signature covers.
async fn forward(
    client: reqwest::Client,
    method: axum::http::Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
) -> reqwest::Result<Response> {
    let answer = client.request(method, url).headers(headers).body(body).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut passed = Response::new(Body::from(answer.bytes().await?));
    (*passed.status_mut(), *passed.headers_mut()) = (status, headers);
    // Of the length that it has in one piece.
    passed.headers_mut().remove("transfer-encoding");
    Ok(passed)
}

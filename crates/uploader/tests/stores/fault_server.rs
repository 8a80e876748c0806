use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a [`FaultServer`] does with a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Reads it, waits, sends these bytes and closes.
    Answer(Duration, String),
    /// Reads this much of it and resets the connection.
    Reset(usize),
    /// Reads it and never answers.
    Stall,
}

impl Step {
    pub(crate) fn status(status: &str) -> Self {
        Self::full(status, "", "")
    }

    pub(crate) fn full(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(
            Duration::ZERO,
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
            ),
        )
    }

    pub(crate) fn s3_error(status: &str, code: &str) -> Self {
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>told so</Message></Error>");
        Self::full(status, "Content-Type: application/xml\r\n", &body)
    }
}

/// An HTTP server that treats each request as a script says, the last step over and over.
pub(crate) struct FaultServer {
    pub(crate) endpoint: String,
    /// What was read of each request, head and body.
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    /// One message for each connection that the client closed while [`Step::Stall`] held it.
    pub(crate) abandoned: mpsc::UnboundedReceiver<()>,
}

impl FaultServer {
    pub(crate) async fn start(script: &[Step]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (sender, abandoned) = mpsc::unbounded_channel();
        let (script, seen) = (script.to_vec(), requests.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let step = script[n.min(script.len() - 1)].clone();
                tokio::spawn(serve(stream, step, seen.clone(), sender.clone()));
            }
        });
        Self { endpoint, requests, abandoned }
    }

    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    step: Step,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    abandoned: mpsc::UnboundedSender<()>,
) {
    let limit = if let Step::Reset(limit) = step { limit } else { usize::MAX };
    let mut request = Vec::new();
    while request.len() < limit && !is_complete(&request) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            break;
        }
    }
    seen.lock().unwrap().push(request);
    match step {
        Step::Answer(delay, answer) => {
            tokio::time::sleep(delay).await;
            // The client may be gone by now.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Step::Reset(_) => stream.set_zero_linger().unwrap(),
        Step::Stall => {
            let _ = stream.read(&mut [0]).await;
            let _ = abandoned.send(());
        }
    }
}

fn is_complete(request: &[u8]) -> bool {
    const TLS_HANDSHAKE: u8 = 22;
    if request.first() == Some(&TLS_HANDSHAKE) {
        return true;
    }
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    request.len() >= end + 4 + length.map_or(0, |length| length.trim().parse().unwrap())
}

//! One HTTP connection. Requests of the players' kind are answered here, which keeps next to nothing while they wait;
//! with the first of another kind the connection becomes hyper's.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::mem::{MaybeUninit, take};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, Response};
use axum::routing::future::RouteFuture;
use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::answer::{self, Framing};
use super::head::Head;
use super::rewind::Rewind;
use super::{Answers, HEAD_LIMIT};

/// What is read at a time.
const READ: usize = 4 << 10;

/// What all connections share.
pub(super) struct Shared {
    pub(super) answers: Answers,
    pub(super) hyper: Builder<TokioExecutor>,
    /// Connections end with the answer that they are waiting for.
    pub(super) stopped: CancellationToken,
}

/// A connection, of TCP or TLS.
pub(super) struct Connection<I> {
    io: I,
    peer: SocketAddr,
    shared: Arc<Shared>,
    /// What has been read of requests that are yet to be answered; holds no memory while it is empty.
    read: Vec<u8>,
    /// Whether a request has been answered.
    answered: bool,
}

/// What comes next on a connection.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Next {
    Request {
        request: Request<()>,
        keep_alive: bool,
    },
    /// Something that isn't answered here.
    Other,
    /// Nothing.
    End,
}

impl Shared {
    /// Has the router answer a request of `peer`'s.
    fn call(&self, peer: SocketAddr, mut request: Request<Body>) -> RouteFuture<Infallible> {
        request.extensions_mut().insert(ConnectInfo(peer));
        self.answers.router.clone().call(request)
    }
}

impl<I> Connection<I>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    pub(super) fn new(io: I, peer: SocketAddr, shared: Arc<Shared>) -> Self {
        Self { io, peer, shared, read: Vec::new(), answered: false }
    }

    /// Answers until one side has had enough.
    pub(super) async fn run(mut self) {
        let peer = self.peer;
        let ended = match self.answer_all().await {
            Ok(true) => Box::pin(self.hand_over()).await,
            Ok(false) => self.io.shutdown().await.map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "an HTTP connection failed");
        }
    }

    /// Answers what is answered here; whether something else follows.
    async fn answer_all(&mut self) -> io::Result<bool> {
        loop {
            let (request, keep_alive) = match self.next().await? {
                Next::Request { request, keep_alive } => (request, keep_alive),
                Next::Other => return Ok(true),
                Next::End => return Ok(false),
            };
            let method = request.method().clone();
            let Some(response) = self.ask(request).await else { return Ok(false) };
            self.answered = true;
            if !self.send(&method, response, keep_alive).await? {
                return Ok(false);
            }
        }
    }

    async fn next(&mut self) -> io::Result<Next> {
        let mut limit = pin!(sleep(HEAD_LIMIT));
        loop {
            if !self.read.is_empty() {
                match Head::parse(&self.read) {
                    Head::Partial => {}
                    Head::Other => return Ok(Next::Other),
                    Head::Whole { request, length, keep_alive } => {
                        self.read = self.read.split_off(length);
                        return Ok(Next::Request { request, keep_alive });
                    }
                }
            }
            tokio::select! {
                biased;
                read = fill(&mut self.io, &mut self.read) => if read? == 0 {
                    return Ok(Next::End);
                },
                () = self.shared.stopped.cancelled(), if self.read.is_empty() => return Ok(Next::End),
                () = limit.as_mut() => return Ok(Next::End),
            }
        }
    }

    /// The answer; `None` once the client has gone, and the call with it.
    async fn ask(&mut self, request: Request<()>) -> Option<Response<Body>> {
        let response = self.shared.answers.shortcut.answer(self.peer, &request).unwrap_or_else(|| {
            let answer = self.shared.call(self.peer, request.map(|()| Body::empty()));
            answer.map(|answer| answer.unwrap_or_else(|never: Infallible| match never {})).boxed()
        });
        tokio::select! {
            biased;
            response = response => Some(response),
            () = gone(&mut self.io, &mut self.read) => None,
        }
    }

    /// Sends an answer; whether another may follow.
    async fn send(
        &mut self,
        method: &Method,
        response: Response<Body>,
        keep_alive: bool,
    ) -> io::Result<bool> {
        let (parts, mut body) = response.into_parts();
        let keep_alive = keep_alive && !answer::closes(&parts) && !self.shared.stopped.is_cancelled();
        let framing = Framing::of(method, &parts, body.size_hint().exact());
        let mut head = answer::head(&parts, framing, keep_alive);
        drop(parts);
        if framing == Framing::Nothing {
            self.io.write_all(&head).await?;
            self.io.flush().await?;
            return Ok(keep_alive);
        }
        let mut sent = 0;
        loop {
            // What is there at once goes out together with the head.
            let data = match frame(&mut body).now_or_never() {
                Some(data) => data,
                None => {
                    self.io.write_all(&take(&mut head)).await?;
                    self.io.flush().await?;
                    tokio::select! {
                        biased;
                        data = frame(&mut body) => data,
                        () = gone(&mut self.io, &mut self.read) => return Ok(false),
                    }
                }
            };
            let Some(data) = data.transpose()? else { break };
            sent += data.len() as u64;
            match framing {
                Framing::Chunked if data.is_empty() => {}
                Framing::Chunked => {
                    head.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                    self.write(&mut head, data.chain(b"\r\n".as_slice())).await?;
                }
                Framing::Length(length) if sent > length => return Err(io::ErrorKind::InvalidData.into()),
                Framing::Length(_) | Framing::Nothing => self.write(&mut head, data).await?,
            }
        }
        let is_whole = match framing {
            Framing::Chunked => {
                head.extend_from_slice(b"0\r\n\r\n");
                true
            }
            Framing::Length(length) => sent == length,
            Framing::Nothing => true,
        };
        self.io.write_all(&head).await?;
        self.io.flush().await?;
        Ok(keep_alive && is_whole)
    }

    async fn write(&mut self, head: &mut Vec<u8>, data: impl Buf) -> io::Result<()> {
        let head = take(head);
        self.io.write_all_buf(&mut head.as_slice().chain(data)).await
    }

    /// hyper has it for the rest of its life, with what has been read.
    pub(super) async fn hand_over(self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Self { io, peer, shared, read, answered } = self;
        // An empty line before a request is passed over (RFC 9112 §2.2), and HTTP/2 can't begin after one.
        let read = if answered { [b"\r\n".as_slice(), &read].concat() } else { read };
        let service =
            service_fn(|request: hyper::Request<Incoming>| shared.call(peer, request.map(Body::new)));
        let io = TokioIo::new(Rewind::new(read, io));
        let mut connection = pin!(shared.hyper.serve_connection_with_upgrades(io, service));
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = shared.stopped.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

/// Reads what there is; how much that was.
async fn fill<I: AsyncRead + Unpin>(io: &mut I, read: &mut Vec<u8>) -> io::Result<usize> {
    poll_fn(|context| {
        // No connection has a buffer of its own to wait with.
        let mut space = [MaybeUninit::uninit(); READ];
        let mut space = ReadBuf::uninit(&mut space);
        Pin::new(&mut *io).poll_read(context, &mut space).map_ok(|()| {
            read.extend_from_slice(space.filled());
            space.filled().len()
        })
    })
    .await
}

/// The client hangs up. Once it has sent more than the request that is being answered, that isn't looked for.
async fn gone<I: AsyncRead + Unpin>(io: &mut I, read: &mut Vec<u8>) {
    while read.is_empty() {
        if !matches!(fill(io, read).await, Ok(1..)) {
            return;
        }
    }
    pending().await
}

/// A body's next data.
async fn frame(body: &mut Body) -> Option<io::Result<Bytes>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            // Trailers go nowhere: nobody has asked for them.
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(io::Error::other(error))),
        }
    }
}

//! HTTP connections: how many there are, how long each may take to ask, and how they end.

mod answer;
mod connection;
#[cfg(test)]
mod differential;
mod head;
mod prompt;
mod rewind;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::serve::Listener;
use futures_util::future::BoxFuture;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use metrics::counter;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use connection::{Connection, Shared};
use prompt::Prompt;

/// Connections that a viewer may need: a playlist, a part, a segment and a socket, where HTTP/1.1 is spoken.
const OF_A_VIEWER: usize = 4;
/// Connections of others.
const BESIDES_VIEWERS: usize = 1024;
/// How long a request's head may take, or the next one be waited for. A player asks again within a segment.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// The longest head, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Requests of one HTTP/2 connection that are answered at a time.
const STREAMS: u32 = 128;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it has to say so.
const PING_PERIOD: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(20);

/// Connections that there may be at a time, over all listeners, with so many viewers.
pub(crate) fn places(viewers: usize) -> usize {
    viewers.saturating_mul(OF_A_VIEWER).saturating_add(BESIDES_VIEWERS).min(Semaphore::MAX_PERMITS)
}

/// Who answers requests.
pub(crate) struct Answers {
    pub(crate) router: Router,
    pub(crate) shortcut: Arc<dyn Shortcut>,
}

/// Answers some requests as the router would, in less time.
pub(crate) trait Shortcut: Send + Sync {
    /// What will be the answer to a request of `peer`'s; `None` if the router is to say.
    fn answer(&self, peer: SocketAddr, request: &Request<()>) -> Option<BoxFuture<'static, Response<Body>>>;
}

/// Serves HTTP/1.1 and HTTP/2 until `stopped`; returns once each connection has had its last answer.
pub(crate) async fn serve<L>(
    mut listener: L,
    answers: Answers,
    places: Arc<Semaphore>,
    stopped: CancellationToken,
) where
    L: Listener<Addr = SocketAddr>,
{
    let shared = Arc::new(shared(answers, stopped.clone()));
    let open = TaskTracker::new();
    loop {
        let (io, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.cancelled() => break,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            counter!("weir_http_refused_total").increment(1);
            continue;
        };
        let connection = Connection::new(Prompt::new(io), peer, shared.clone());
        open.spawn(async move {
            connection.run().await;
            drop(place);
        });
    }
    drop(listener);
    open.close();
    open.wait().await;
}

fn shared(answers: Answers, stopped: CancellationToken) -> Shared {
    Shared { answers, hyper: builder(), stopped }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES as u32)
        .keep_alive_interval(PING_PERIOD)
        .keep_alive_timeout(PING_LIMIT);
    builder
}

#[cfg(test)]
impl From<Router> for Answers {
    fn from(router: Router) -> Self {
        struct NoShortcut;
        impl Shortcut for NoShortcut {
            fn answer(&self, _: SocketAddr, _: &Request<()>) -> Option<BoxFuture<'static, Response<Body>>> {
                None
            }
        }
        Self { router, shortcut: Arc::new(NoShortcut) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::body::Bytes;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::prompt::WRITE_LIMIT;
    use super::*;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    async fn start(places: usize) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stopped) = (listener.local_addr().unwrap(), CancellationToken::new());
        let places = Arc::new(Semaphore::new(places));
        let serving = tokio::spawn(serve(listener, Router::new().into(), places, stopped.clone()));
        (address, stopped, serving)
    }

    /// One connection to a server that answers with `router`.
    fn connect(router: Router) -> (DuplexStream, CancellationToken, JoinHandle<()>) {
        let (client, io) = duplex(1024);
        let stopped = CancellationToken::new();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let shared = Arc::new(shared(router.into(), stopped.clone()));
        let connection = Connection::new(Prompt::new(io), peer, shared);
        (client, stopped, tokio::spawn(connection.run()))
    }

    /// Says on `started` that a call has begun, which then waits for ever; it hears of its end when the sender is dropped.
    fn waiting(started: mpsc::Sender<mpsc::Sender<()>>) -> Router {
        let call = || async move {
            let (call, mut over) = mpsc::channel(1);
            started.send(call.clone()).await.unwrap();
            over.recv().await;
            drop(call);
        };
        Router::new().route("/", get(call))
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_to_ask_is_hung_up_on() {
        for begun in ["GET / HTTP/1.1\r\nhost: a\r\n", "POST / HTTP/1.1\r\n", "P", "PRI * HTTP/2.0\r\n", ""] {
            let (mut slow, _, serving) = connect(Router::new());
            slow.write_all(begun.as_bytes()).await.unwrap();
            let since = Instant::now();
            assert_eq!(slow.read_to_end(&mut Vec::new()).await.unwrap(), 0);
            assert!((HEAD_LIMIT..HEAD_LIMIT * 2).contains(&since.elapsed()), "{begun:?}");
            serving.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_again_in_time_is_answered_for_ever() {
        let (mut client, ..) = connect(Router::new());
        for _ in 0..5 {
            tokio::time::sleep(HEAD_LIMIT / 2).await;
            client.write_all(ASK).await.unwrap();
            let mut answer = [0; 1024];
            let length = client.read(&mut answer).await.unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 404"));
        }
    }

    #[tokio::test]
    async fn one_too_many_is_closed_and_the_others_are_answered_to_the_end() {
        let (address, stopped, serving) = start(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(ASK).await.unwrap();
        let mut answer = [0; 12];
        first.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut answer).await.unwrap(), 0);
        stopped.cancel();
        serving.await.unwrap();
        assert!(first.read_to_end(&mut Vec::new()).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_ends_with_its_client() {
        let (started, mut calls) = mpsc::channel(1);
        let (mut client, _, serving) = connect(waiting(started));
        client.write_all(ASK).await.unwrap();
        let call = calls.recv().await.unwrap();
        assert!(!call.is_closed());
        drop(client);
        call.closed().await;
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_waits_when_the_server_stops_has_an_answer_and_no_other() {
        let (started, mut calls) = mpsc::channel(1);
        let (mut client, stopped, serving) = connect(waiting(started));
        client.write_all(&ASK.repeat(2)).await.unwrap();
        let call = calls.recv().await.unwrap();
        stopped.cancel();
        call.send(()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1);
        assert!(answer.contains("connection: close"));
        serving.await.unwrap();
        let (mut idle, stopped, serving) = connect(Router::new());
        stopped.cancel();
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn what_comes_bit_by_bit_is_sent_as_it_comes_until_the_client_leaves() {
        let (pieces, said) = mpsc::channel::<Bytes>(1);
        let said = Arc::new(tokio::sync::Mutex::new(said));
        let call = || async move {
            let said = said.lock_owned().await;
            Body::from_stream(futures_util::stream::unfold(said, |mut said| async {
                let piece = said.recv().await?;
                Some((Ok::<_, std::io::Error>(piece), said))
            }))
        };
        let (mut client, _, serving) = connect(Router::new().route("/", get(call)));
        client.write_all(ASK).await.unwrap();
        let mut answer = [0; 1024];
        let length = client.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"\r\n\r\n"), "the head is there before any data");
        for piece in ["a", "0123456789abcdef"] {
            pieces.send(piece.into()).await.unwrap();
            let expected = format!("{:x}\r\n{piece}\r\n", piece.len());
            client.read_exact(&mut answer[..expected.len()]).await.unwrap();
            assert_eq!(&answer[..expected.len()], expected.as_bytes());
        }
        drop(client);
        pieces.closed().await;
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_slow_reader_has_all_of_it_in_the_end() {
        const LONG: &str = "0123456789abcdef";
        let (mut client, ..) = connect(Router::new().route("/", get(|| async { LONG.repeat(1000) })));
        client.write_all(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(&LONG.repeat(1000)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_hung_up_on() {
        const LONG: usize = 1 << 20;
        for ask in [ASK, b"GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"] {
            let (mut idle, _, serving) = connect(Router::new().route("/", get(|| async { vec![0; LONG] })));
            idle.write_all(ask).await.unwrap();
            let since = Instant::now();
            serving.await.unwrap();
            assert!((WRITE_LIMIT..WRITE_LIMIT * 2).contains(&since.elapsed()), "{:?}", since.elapsed());
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_ends_the_connection() {
        let call = || async {
            let pieces = [Ok("abc"), Err(std::io::Error::other("gone"))];
            Body::from_stream(futures_util::stream::iter(pieces))
        };
        let (mut client, _, serving) = connect(Router::new().route("/", get(call)));
        client.write_all(ASK).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("3\r\nabc\r\n"), "no end is told: {answer}");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn http2_begins_a_connection_or_does_not_come() {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let (mut client, ..) = connect(Router::new());
        client.write_all(PREFACE).await.unwrap();
        let mut frame = [0; 9];
        client.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[3], 4, "SETTINGS");
        let (mut client, ..) = connect(Router::new());
        client.write_all(&[ASK, PREFACE].concat()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        assert!(answers.starts_with("HTTP/1.1 404") && !answers.contains("\0\0"), "{answers}");
    }
}

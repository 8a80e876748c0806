//! HTTP connections: how many there are, how long each may take to ask, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use metrics::counter;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

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

/// Serves HTTP/1.1 and HTTP/2 until `stopped`; returns once each connection has had its last answer.
pub(crate) async fn serve<L>(
    mut listener: L,
    router: Router,
    places: Arc<Semaphore>,
    stopped: CancellationToken,
) where
    L: Listener<Addr = SocketAddr>,
{
    let builder = Arc::new(builder());
    let open = GracefulShutdown::new();
    loop {
        let (io, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.cancelled() => break,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            counter!("weir_http_refused_total").increment(1);
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service).into_owned();
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, error, "an HTTP connection failed");
            }
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn start(places: usize) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stopped) = (listener.local_addr().unwrap(), CancellationToken::new());
        let places = Arc::new(Semaphore::new(places));
        let serving = tokio::spawn(serve(listener, Router::new(), places, stopped.clone()));
        (address, stopped, serving)
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_to_ask_is_hung_up_on() {
        let (address, ..) = start(1).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
        let since = tokio::time::Instant::now();
        let mut said = Vec::new();
        slow.read_to_end(&mut said).await.unwrap();
        assert!(since.elapsed() >= HEAD_LIMIT);
    }

    #[tokio::test]
    async fn one_too_many_is_closed_and_the_others_are_answered_to_the_end() {
        let (address, stopped, serving) = start(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        first.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut answer).await.unwrap(), 0);
        stopped.cancel();
        serving.await.unwrap();
        assert!(first.read_to_end(&mut Vec::new()).await.is_ok());
    }
}

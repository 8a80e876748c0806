//! HTTPS connections, handed to the HTTP server once their TLS handshake is done.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is spoken inside, best first.
pub(crate) const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];
/// How long a handshake may take, and how many may be under way.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 256;

/// Accepts connections over TLS. A client that is slow to shake hands keeps nobody else waiting, until there are
/// [`HANDSHAKES`] of them.
pub(crate) struct TlsListener {
    local: SocketAddr,
    shaken: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Listens until it is dropped.
    pub(crate) fn new(listener: TcpListener, local: SocketAddr, acceptor: TlsAcceptor) -> Self {
        let (sender, shaken) = mpsc::channel(1);
        tokio::spawn(shake_hands(listener, acceptor, sender));
        Self { local, shaken }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.shaken.recv().await {
            Some(connection) => connection,
            // Only a panic ends the task before this is dropped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.local)
    }
}

async fn shake_hands(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    shaken: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(place) = places.clone().acquire_owned().await {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = shaken.closed() => return,
        };
        let (acceptor, shaken) = (acceptor.clone(), shaken.clone());
        tokio::spawn(async move {
            let handshake = timeout(HANDSHAKE, acceptor.accept(stream)).await;
            drop(place);
            match handshake {
                // Nobody takes it once the server is being stopped.
                Ok(Ok(stream)) => drop(shaken.send((stream, peer)).await),
                Ok(Err(error)) => {
                    counter!("weir_https_handshakes_failed_total").increment(1);
                    tracing::debug!(%peer, %error, "the TLS handshake failed");
                }
                Err(_) => {
                    counter!("weir_https_handshakes_failed_total").increment(1);
                    tracing::debug!(%peer, "the TLS handshake took too long");
                }
            }
        });
    }
}

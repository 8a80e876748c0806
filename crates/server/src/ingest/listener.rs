//! The listeners: accept connections as there are places, and hand each to a session.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::Ingest;
use super::admission::NoPlace;
use super::session::Session;

/// Pause after the system has refused a socket, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A flood of connections writes a log line this often.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Where encoders come in.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    /// What decrypts their connections; `None`: they are plain.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Accepts encoders until `shutdown`, then waits until every session has ended.
pub(crate) async fn listen(doors: Vec<Door>, ingest: Ingest, shutdown: CancellationToken) {
    let (sessions, listeners) = (TaskTracker::new(), TaskTracker::new());
    for door in doors {
        listeners.spawn(door.open(ingest.clone(), sessions.clone(), shutdown.clone()));
    }
    listeners.close();
    listeners.wait().await;
    sessions.close();
    sessions.wait().await;
}

impl Door {
    async fn open(self, ingest: Ingest, sessions: TaskTracker, shutdown: CancellationToken) {
        let mut turned_away = TurnedAway::default();
        while let Some(accepted) = shutdown.run_until_cancelled(self.listener.accept()).await {
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    counter!("weir_rtmp_accept_errors_total").increment(1);
                    tracing::warn!(%error, "an encoder's connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let place = match ingest.admission.enter(peer.ip()) {
                Ok(place) => place,
                Err(no_place) => {
                    turned_away.tell(peer, no_place, Instant::now());
                    continue;
                }
            };
            let session = serve(ingest.clone(), stream, peer, self.tls.clone());
            let span = tracing::info_span!("rtmp", %peer);
            sessions.spawn(
                async move {
                    session.await;
                    drop(place);
                }
                .instrument(span),
            );
        }
    }
}

/// Runs a connection, from its TLS handshake if it is to have one. That counts towards the time
/// that it has to publish.
async fn serve(ingest: Ingest, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
    let since = Instant::now();
    // Answers are small and encoders wait for each: Nagle's algorithm costs 40 ms a step.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let Some(tls) = tls else { return Session::new(ingest, peer).run(stream, since).await };
    let shake = tokio::time::timeout(ingest.limits.setup_timeout, tls.accept(stream));
    match ingest.shutdown.run_until_cancelled(shake).await {
        Some(Ok(Ok(stream))) => Session::new(ingest, peer).run(stream, since).await,
        Some(Ok(Err(error))) => {
            counter!("weir_rtmp_refused_total", "reason" => "tls").increment(1);
            tracing::info!(%error, "no publisher: {}", tls_hint(&error));
        }
        Some(Err(_)) => {
            counter!("weir_rtmp_refused_total", "reason" => "tls").increment(1);
            counter!("weir_rtmp_limit_hits_total", "limit" => "setup_timeout").increment(1);
            tracing::info!("no publisher: the client didn't finish the TLS handshake in time");
        }
        None => {}
    }
}

fn tls_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            "the TLS handshake failed; an encoder that is set to rtmp:// belongs on the RTMP port"
        }
        _ => "the client went away in the TLS handshake",
    }
}

/// Tells of connections without a place: each in the metrics, few in the log.
#[derive(Default)]
struct TurnedAway {
    told: Option<Instant>,
    untold: u64,
}

impl TurnedAway {
    fn tell(&mut self, peer: SocketAddr, no_place: NoPlace, now: Instant) {
        let reason = match no_place {
            NoPlace::Server { .. } => "too_many_connections",
            NoPlace::Address { .. } => "too_many_connections_from_address",
        };
        counter!("weir_rtmp_refused_total", "reason" => reason).increment(1);
        counter!("weir_rtmp_limit_hits_total", "limit" => no_place.limit()).increment(1);
        if self.told.is_some_and(|told| now - told < TELL_EVERY) {
            self.untold += 1;
            return;
        }
        let more = std::mem::take(&mut self.untold);
        tracing::warn!(%peer, more_since_last_line = more, "refused: {no_place}");
        self.told = Some(now);
    }
}

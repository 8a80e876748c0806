//! The RTMP listener: accepts encoders, checks their keys, and feeds their packets to broadcasts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use rtmp_ingest::{Connection, Event, Limits, PublishRequest, Refusal};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::catalog::{Catalog, Stream};
use crate::ingest_faults::Faults;
use crate::live::{AttachError, Attached, IngestMeter, Registry, SessionEnd};

/// The app that encoders publish to.
pub(crate) const APP: &str = "live";
/// Pause after the system has refused a socket, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a catalog may take to say whose a key is.
const CATALOG_LIMIT: Duration = Duration::from_secs(5);

/// What a session needs of the server.
#[derive(Clone)]
pub(crate) struct Ingest {
    pub(crate) catalog: Catalog,
    pub(crate) registry: Registry,
    pub(crate) limits: Limits,
}

/// Accepts encoders until `shutdown`, then waits until every session has ended.
pub(crate) async fn listen(
    listener: TcpListener,
    ingest: Ingest,
    max_connections: usize,
    shutdown: CancellationToken,
) {
    let sessions = TaskTracker::new();
    let room = Arc::new(Semaphore::new(max_connections));
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                counter!("weir_rtmp_accept_errors_total").increment(1);
                tracing::warn!(%error, "an encoder's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            counter!("weir_rtmp_refused_total", "reason" => "too_many_connections").increment(1);
            tracing::warn!(%peer, max_connections, "refused: too many RTMP connections");
            continue;
        };
        let session = Session { ingest: ingest.clone(), peer, shutdown: shutdown.clone() };
        let span = tracing::info_span!("rtmp", %peer);
        sessions.spawn(
            async move {
                gauge!("weir_rtmp_connections").increment(1);
                session.run(stream).await;
                gauge!("weir_rtmp_connections").decrement(1);
                drop(permit);
            }
            .instrument(span),
        );
    }
    drop(listener);
    sessions.close();
    sessions.wait().await;
}

struct Session {
    ingest: Ingest,
    peer: SocketAddr,
    shutdown: CancellationToken,
}

/// Why a session is over.
enum Over {
    /// The encoder unpublished or closed in good order.
    Finished,
    /// The encoder closed without a word.
    Closed,
    /// It broke the protocol, a limit or the connection.
    Broken(rtmp_ingest::Error),
    /// Its broadcast was ended.
    Ended(String),
    /// The encoder thread took nothing.
    NotTaken(crate::live::FeedError),
    /// The server is being stopped.
    Shutdown,
}

impl Session {
    async fn run(self, stream: TcpStream) {
        // Answers are small and encoders wait for each: Nagle's algorithm costs 40 ms a step.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let mut connection = Connection::new(stream, self.ingest.limits.clone());
        let Some((request, stream)) = self.admitted(&mut connection).await else { return };
        let attached = match self.ingest.registry.attach(&stream).await {
            Ok(attached) => attached,
            Err(error) => {
                tracing::warn!(stream = %stream.video_id, %error, "refused");
                let refusal = match error {
                    AttachError::Busy | AttachError::Draining => Refusal::Busy,
                    AttachError::Shutdown => Refusal::ShuttingDown,
                };
                refuse(&mut connection, refusal).await;
                return;
            }
        };
        if let Err(error) = connection.accept_publish().await {
            tracing::info!(%error, "gone before it was told to publish");
            attached.leave(SessionEnd::Vanished).await;
            return;
        }
        let span = tracing::info_span!("session", stream = %stream.video_id);
        self.publish(connection, request, attached).instrument(span).await;
    }

    /// Waits for a publish request and checks its key; `None` if there is nothing to publish.
    async fn admitted(&self, connection: &mut Connection<TcpStream>) -> Option<(PublishRequest, Stream)> {
        let request = loop {
            let event = self.shutdown.run_until_cancelled(connection.next_event()).await?;
            match event {
                Ok(Some(Event::PublishRequested(request))) => break request,
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => {
                    counter!("weir_rtmp_refused_total", "reason" => "protocol").increment(1);
                    tracing::info!(%error, "no publisher");
                    return None;
                }
            }
        };
        match self.check(&request).await {
            Ok(stream) => Some((request, stream)),
            Err(refusal) => {
                tracing::warn!(
                    app = request.app,
                    code = refusal.code(),
                    "refused: {}",
                    refusal.description()
                );
                refuse(connection, refusal).await;
                None
            }
        }
    }

    async fn check(&self, request: &PublishRequest) -> Result<Stream, Refusal> {
        if request.app != APP {
            return Err(Refusal::UnknownApp);
        }
        let lookup = self.ingest.catalog.find_by_key(request.key.expose());
        match tokio::time::timeout(CATALOG_LIMIT, lookup).await {
            Ok(Ok(Some(stream))) if stream.armed => Ok(stream),
            Ok(Ok(Some(_))) => Err(Refusal::Disarmed),
            Ok(Ok(None)) => Err(Refusal::Unauthorized),
            Ok(Err(error)) => {
                tracing::error!(%error, "a stream key could not be checked");
                Err(Refusal::Overloaded)
            }
            Err(_) => {
                tracing::error!("the catalog does not answer");
                Err(Refusal::Overloaded)
            }
        }
    }

    async fn publish(
        &self,
        mut connection: Connection<TcpStream>,
        request: PublishRequest,
        mut attached: Attached,
    ) {
        tracing::info!(encoder = request.encoder.as_deref().unwrap_or("unnamed"), "publishing");
        let mut meter = IngestMeter::new(request.encoder, self.peer.to_string(), Instant::now());
        attached.show(&meter);
        let over = self.feed(&mut connection, &mut attached, &mut meter).await;
        let (end, reason) = match &over {
            Over::Finished => (SessionEnd::Finished, "finished"),
            Over::Closed => (SessionEnd::Vanished, "closed"),
            Over::Broken(_) => (SessionEnd::Vanished, "broken"),
            Over::Ended(_) | Over::NotTaken(_) => (SessionEnd::Vanished, "ended"),
            Over::Shutdown => (SessionEnd::Vanished, "shutdown"),
        };
        counter!("weir_sessions_ended_total", "reason" => reason).increment(1);
        let stats = connection.stats();
        let (bytes, faults) = (stats.bytes_received, Faults::of(&stats));
        faults.count();
        match &over {
            Over::Broken(error) => tracing::warn!(%error, bytes, %faults, "the session broke"),
            Over::Ended(why) => tracing::info!(why, bytes, %faults, "the session was ended"),
            Over::NotTaken(error) => tracing::error!(%error, bytes, %faults, "the session was ended"),
            Over::Finished | Over::Closed | Over::Shutdown => {
                tracing::info!(reason, bytes, %faults, "the session ended");
            }
        }
        attached.leave(end).await;
        connection.close().await;
    }

    async fn feed(
        &self,
        connection: &mut Connection<TcpStream>,
        attached: &mut Attached,
        meter: &mut IngestMeter,
    ) -> Over {
        loop {
            let event = tokio::select! {
                event = connection.next_event() => event,
                reason = attached.ended() => return Over::Ended(reason.message),
                () = self.shutdown.cancelled() => return Over::Shutdown,
            };
            match event {
                Ok(Some(Event::Media(media))) => {
                    if meter.count(&media, Instant::now()) {
                        attached.show(meter);
                    }
                    if let media::MediaEvent::Packet(packet) = &media {
                        counter!("weir_ingest_bytes_total").increment(packet.data.len() as u64);
                    }
                    if let Err(error) = attached.media(media).await {
                        return Over::NotTaken(error);
                    }
                }
                Ok(Some(Event::Metadata(metadata))) => {
                    if let Some(encoder) = metadata.encoder {
                        meter.set_encoder(encoder);
                        attached.show(meter);
                    }
                }
                Ok(Some(Event::PublishFinished)) => return Over::Finished,
                // One session publishes once; the library refuses a second request itself.
                Ok(Some(Event::PublishRequested(_))) => refuse(connection, Refusal::Busy).await,
                Ok(None) => return Over::Closed,
                Err(error) => return Over::Broken(error),
            }
        }
    }
}

async fn refuse(connection: &mut Connection<TcpStream>, refusal: Refusal) {
    let reason = match refusal {
        Refusal::Unauthorized => "unauthorized",
        Refusal::UnknownApp => "unknown_app",
        Refusal::Busy => "busy",
        Refusal::Disarmed => "disarmed",
        Refusal::Overloaded => "overloaded",
        Refusal::ShuttingDown => "shutting_down",
    };
    counter!("weir_rtmp_refused_total", "reason" => reason).increment(1);
    if let Err(error) = connection.refuse_publish(refusal).await {
        tracing::debug!(%error, "gone before it was told why it was refused");
    }
}

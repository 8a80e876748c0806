//! One encoder's connection: its publish is checked, and its packets go to a broadcast.

use std::net::SocketAddr;
use std::time::Instant;

use metrics::counter;
use rtmp_ingest::{Connection, ErrorKind, Event, PublishRequest, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Instrument;

use super::Ingest;
use super::authority::Denial;
use super::faults::Faults;
use super::pump::{Over, pump};
use crate::catalog::Stream;
use crate::live::{AttachError, Attached, IngestMeter, Origin, SessionEnd};

/// A connection that has a place.
pub(super) struct Session {
    ingest: Ingest,
    peer: SocketAddr,
}

impl Session {
    pub(super) fn new(ingest: Ingest, peer: SocketAddr) -> Self {
        Self { ingest, peer }
    }

    /// Runs it. Its time to publish runs from `since`.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, since: Instant) {
        let mut connection = Connection::accepted(stream, self.ingest.limits.clone(), since);
        let Some((request, stream)) = self.admitted(&mut connection).await else { return };
        let attached = match self.ingest.registry.attach(&stream, Origin::encoder(self.peer.ip())).await {
            Ok(attached) => attached,
            Err(error) => {
                tracing::warn!(stream = %stream.video_id, %error, "refused");
                let refusal = match error {
                    AttachError::Busy => Refusal::Busy,
                    AttachError::Draining => Refusal::Finishing,
                    AttachError::Disarmed => Refusal::Disarmed,
                    AttachError::Full(_) | AttachError::NoRoom(_) => Refusal::Overloaded,
                    AttachError::Shutdown => Refusal::ShuttingDown,
                };
                refuse(&mut connection, &refusal.into()).await;
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

    /// Waits for a publish request and has it checked; `None` if there is nothing to publish.
    async fn admitted<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        connection: &mut Connection<S>,
    ) -> Option<(PublishRequest, Stream)> {
        let request = loop {
            let event = self.ingest.shutdown.run_until_cancelled(connection.next_event()).await?;
            match event {
                Ok(Some(Event::PublishRequested(request))) => break request,
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => {
                    no_publisher(&error);
                    return None;
                }
            }
        };
        let checked = tokio::select! {
            checked = self.ingest.authority.check(&request, self.peer) => checked,
            // Nothing comes of it any more: the question is withdrawn, and a late answer goes nowhere.
            gone = connection.next_event() => {
                match gone {
                    Err(error) => no_publisher(&error),
                    Ok(_) => tracing::info!("gone before its publish was checked"),
                }
                return None;
            }
            () = self.ingest.shutdown.cancelled() => Err(Refusal::ShuttingDown.into()),
        };
        match checked {
            Ok(stream) => Some((request, stream)),
            Err(denial) => {
                // Without the app, which is the key where the server's URL lacks one.
                tracing::warn!(code = denial.refusal.code(), "refused: {}", denial.description());
                refuse(connection, &denial).await;
                None
            }
        }
    }

    async fn publish<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut connection: Connection<S>,
        request: PublishRequest,
        mut attached: Attached,
    ) {
        tracing::info!(encoder = request.encoder.as_deref().unwrap_or("unnamed"), "publishing");
        let mut meter = IngestMeter::new(request.encoder, self.peer.to_string(), Instant::now());
        attached.show(&meter);
        let mut over = pump(&mut connection, &mut attached, &mut meter, &self.ingest.stop).await;
        if matches!(over, Over::Cancelled) {
            if connection.request_reconnect("This server is being stopped.") {
                tracing::info!("the encoder is asked to connect anew");
            }
            over = pump(&mut connection, &mut attached, &mut meter, &self.ingest.shutdown).await;
        }
        let end = if matches!(over, Over::Finished) { SessionEnd::Finished } else { SessionEnd::Vanished };
        let reason = over.name();
        counter!("weir_sessions_ended_total", "reason" => reason).increment(1);
        let stats = connection.stats();
        let (bytes, faults) = (stats.bytes_received, Faults::of(&stats));
        faults.count();
        match &over {
            Over::Broken(error) => {
                count_limit(&error.kind);
                tracing::warn!(%error, bytes, %faults, "the session broke");
            }
            Over::Ended(why) => tracing::info!(why, bytes, %faults, "the session was ended"),
            Over::NotTaken(error) => tracing::error!(%error, bytes, %faults, "the session was ended"),
            Over::Replaced => {
                tracing::warn!(bytes, %faults, "another publisher has taken over");
                connection.take_publish_back("Another publisher has taken over this stream.");
            }
            Over::Finished | Over::Closed | Over::Cancelled => {
                tracing::info!(reason, bytes, %faults, "the session ended");
            }
        }
        attached.leave(end).await;
        connection.close().await;
    }
}

/// Tells of a connection that ended before it asked to publish.
fn no_publisher(error: &rtmp_ingest::Error) {
    counter!("weir_rtmp_refused_total", "reason" => "protocol").increment(1);
    count_limit(&error.kind);
    tracing::info!(%error, "no publisher");
}

/// Counts a limit that a peer met.
fn count_limit(kind: &ErrorKind) {
    if let Some(limit) = kind.limit() {
        counter!("weir_rtmp_limit_hits_total", "limit" => limit).increment(1);
    }
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<S>, denial: &Denial) {
    let reason = match denial.refusal {
        Refusal::Unauthorized => "unauthorized",
        Refusal::NotAllowed => "not_allowed",
        Refusal::Unchecked => "unchecked",
        Refusal::UnknownApp => "unknown_app",
        Refusal::Busy => "busy",
        Refusal::Finishing => "finishing",
        Refusal::Disarmed => "disarmed",
        Refusal::Overloaded => "overloaded",
        Refusal::ShuttingDown => "shutting_down",
    };
    counter!("weir_rtmp_refused_total", "reason" => reason).increment(1);
    let told = connection.refuse_publish_because(denial.refusal, denial.description()).await;
    if let Err(error) = told {
        tracing::debug!(%error, "gone before it was told why it was refused");
    }
}

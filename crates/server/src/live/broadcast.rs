//! One broadcast: the task that outlives its sessions and ends its encoder and its uploads in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use media::MediaEvent;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::encoder::EncoderError;
use super::feed::{Feed, FeedError, FeedSender};
use super::health::{EncodeHealth, Health, IngestMeter, UploadHealth};
use super::upload_queue::UploadQueue;
use super::window::Window;
use crate::catalog::{EndReason, LatencyMode, Status, VideoId};

/// A stream on air, or just off it.
pub(crate) struct Broadcast {
    pub(super) id: VideoId,
    /// How long it waits for a publisher that vanished.
    pub(super) reconnect_window: Duration,
    /// What viewers get who don't say how they want it.
    pub(crate) latency_mode: LatencyMode,
    pub(super) presence: watch::Sender<Presence>,
    pub(super) feed: FeedSender,
    pub(super) health: Arc<Health>,
    pub(crate) window: Arc<Window>,
    pub(super) uploads: Arc<UploadQueue>,
    /// Cancelled once nothing of it is left to do but serving its last window.
    pub(super) finished: CancellationToken,
    pub(super) sessions: AtomicU64,
    /// Bytes that viewers were sent.
    pub(super) served: AtomicU64,
    /// Bits a second that they are sent.
    pub(super) served_rate: AtomicU64,
    /// When the catalog was told that it is live.
    pub(super) live_since: OnceLock<SystemTime>,
}

/// Who feeds a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// The session of that number.
    Publishing(u64),
    /// Nobody, since then; the publisher may come back.
    Away(Instant),
    /// Nobody any more.
    Ending(End),
}

/// How a broadcast ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: Status,
    pub(super) reason: EndReason,
}

impl End {
    fn ready(code: &str, message: &str) -> Self {
        Self { status: Status::Ready, reason: EndReason { code: code.into(), message: message.into() } }
    }

    fn failed(code: &str, message: String) -> Self {
        Self { status: Status::Failed, reason: EndReason { code: code.into(), message } }
    }

    pub(super) fn stopped() -> Self {
        Self::ready("stopped", "stopped by an API call")
    }

    pub(super) fn shutdown() -> Self {
        Self::ready("shutdown", "the server was stopped")
    }

    fn publisher_finished() -> Self {
        Self::ready("publisher_finished", "the publisher ended the stream")
    }

    pub(super) fn publisher_lost(window: Duration) -> Self {
        let message = format!("the publisher vanished and did not come back within {} s", window.as_secs());
        Self::ready("publisher_lost", &message)
    }

    pub(super) fn encoder(error: &EncoderError) -> Self {
        let code = match error {
            EncoderError::Transcode(_) => "transcode_failed",
            EncoderError::Spawn(_) => "no_encoder_thread",
            EncoderError::Panicked(_) => "internal_error",
        };
        Self::failed(code, error.to_string())
    }

    fn stalled() -> Self {
        Self::failed("encoder_stalled", FeedError::Stalled.to_string())
    }
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// The encoder said that it is done: the broadcast ends at once.
    Finished,
    /// The connection broke: the broadcast waits.
    Vanished,
}

/// A session's hold on its broadcast. Dropping it without a word counts as vanishing.
pub(crate) struct Attached {
    broadcast: Arc<Broadcast>,
    session: u64,
    presence: watch::Receiver<Presence>,
    left: bool,
}

impl Broadcast {
    /// Makes `session` the one that feeds this broadcast, if nobody does.
    pub(super) fn take(self: &Arc<Self>) -> Result<Attached, Presence> {
        let session = self.sessions.fetch_add(1, Ordering::Relaxed);
        let mut refused = None;
        self.presence.send_if_modified(|presence| match presence {
            Presence::Away(_) => {
                *presence = Presence::Publishing(session);
                true
            }
            other => {
                refused = Some(other.clone());
                false
            }
        });
        match refused {
            Some(presence) => Err(presence),
            None => Ok(Attached {
                broadcast: self.clone(),
                session,
                presence: self.presence.subscribe(),
                left: false,
            }),
        }
    }

    /// Begins to end it; the first reason counts.
    pub(super) fn end(&self, end: End) {
        self.presence.send_if_modified(|presence| {
            let first = !matches!(presence, Presence::Ending(_));
            if first {
                *presence = Presence::Ending(end);
            }
            first
        });
    }

    /// Waits until its last playlist is stored.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished.is_cancelled()
    }

    /// Whether it waits for its publisher to come back.
    pub(crate) fn is_away(&self) -> bool {
        matches!(*self.presence.borrow(), Presence::Away(_))
    }

    /// Viewers were sent so many bytes.
    pub(crate) fn count_served(&self, bytes: u64) {
        self.served.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that viewers were sent.
    pub(crate) fn served_bytes(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Bits a second that viewers are sent.
    pub(crate) fn served_rate(&self) -> u64 {
        self.served_rate.load(Ordering::Relaxed)
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// What the encoder makes, and how much waits for it.
    pub(crate) fn encode_health(&self) -> EncodeHealth {
        EncodeHealth { queued_packets: self.feed.depth(), ..self.health.encode() }
    }

    /// What reaches the object store, and how much waits for it.
    pub(crate) fn upload_health(&self) -> UploadHealth {
        let (pending_segments, pending_bytes) = self.uploads.depth();
        UploadHealth { pending_segments, pending_bytes, ..self.health.upload() }
    }

    /// The session of that number doesn't feed it any more.
    fn leave(&self, session: u64, end: SessionEnd) {
        self.presence.send_if_modified(|presence| {
            let own = *presence == Presence::Publishing(session);
            if own {
                *presence = match end {
                    SessionEnd::Finished => Presence::Ending(End::publisher_finished()),
                    SessionEnd::Vanished => Presence::Away(Instant::now()),
                };
                self.health.set_ingest(None);
            }
            own
        });
    }
}

impl Attached {
    /// Tells the encoder that a publisher is there.
    pub(super) async fn begin(&self) -> Result<(), FeedError> {
        self.broadcast.feed.tell(Feed::SessionStarted).await
    }

    /// Hands a packet to the encoder.
    pub(crate) async fn media(&self, event: MediaEvent) -> Result<(), FeedError> {
        let result = self.broadcast.feed.media(event).await;
        if result == Err(FeedError::Stalled) {
            self.broadcast.end(End::stalled());
        }
        result
    }

    /// Shows what the session sends.
    pub(crate) fn show(&self, meter: &IngestMeter) {
        self.broadcast.health.set_ingest(Some(meter.health().clone()));
    }

    /// Waits until the broadcast is ended by something else than this session; says by what.
    pub(crate) async fn ended(&mut self) -> EndReason {
        let ending = self.presence.wait_for(|presence| matches!(presence, Presence::Ending(_))).await;
        match ending.as_deref() {
            Ok(Presence::Ending(end)) => end.reason.clone(),
            _ => End::shutdown().reason,
        }
    }

    /// The session is over.
    pub(crate) async fn leave(mut self, end: SessionEnd) {
        // Only a hung encoder doesn't take it; the broadcast is then ended by its stall.
        let _ = self.broadcast.feed.tell(Feed::SessionEnded).await;
        self.broadcast.leave(self.session, end);
        self.left = true;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.left {
            self.broadcast.leave(self.session, SessionEnd::Vanished);
        }
    }
}

//! One broadcast: the task that outlives its sessions and ends its encoder and its uploads in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use media::MediaEvent;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::claim::{Claim, Origin};
use super::encoder::EncoderError;
use super::feed::{Feed, FeedError, FeedSender};
use super::health::{EncodeHealth, Health, IngestMeter, UploadHealth};
use super::pulse::Pulse;
use super::upload_queue::UploadQueue;
use super::window::Window;
use crate::catalog::{EndReason, LatencyMode, Recording, SecondPublisher, Status, VideoId};

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
    /// Its encoder's.
    pub(super) pulse: Arc<Pulse>,
    pub(crate) window: Arc<Window>,
    pub(super) uploads: Arc<UploadQueue>,
    /// Whether its segments are kept.
    pub(super) recorded: bool,
    /// Changes when more of its segments are kept.
    pub(super) kept: Arc<watch::Sender<()>>,
    /// Cancelled once nothing of it is left to do but serving its last window, and storing what the object store didn't
    /// take in time.
    pub(super) finished: CancellationToken,
    /// Cancelled once it is over, and no more of it will be stored.
    pub(super) uploaded: CancellationToken,
    /// Cancelled once there is a newer broadcast of its stream, or no stream any more: it must not store anything then.
    pub(super) superseded: CancellationToken,
    pub(super) sessions: AtomicU64,
    /// Bytes that viewers were sent.
    pub(super) served: AtomicU64,
    /// Bits a second that they are sent.
    pub(super) served_rate: AtomicU64,
    /// When the catalog was told that it is live.
    pub(super) live_since: OnceLock<SystemTime>,
}

/// Who feeds a broadcast.
#[derive(Clone, Debug)]
pub(super) enum Presence {
    /// The session that has this claim.
    Publishing(Arc<Claim>),
    /// Nobody, since then; the publisher may come back.
    Away(Instant),
    /// Nobody any more.
    Ending(End),
}

impl Presence {
    /// Whether it is this claim's session that feeds.
    fn is_of(&self, claim: &Claim) -> bool {
        matches!(self, Self::Publishing(current) if current.session == claim.session)
    }
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

    /// The publisher wasn't back in time. Of a broadcast that nobody has fed in this process, it never came back.
    pub(super) fn lost(broadcast: &Broadcast) -> Self {
        match broadcast.sessions.load(Ordering::Relaxed) {
            0 => Self::interrupted(broadcast.reconnect_window),
            _ => Self::publisher_lost(broadcast.reconnect_window),
        }
    }

    fn publisher_lost(window: Duration) -> Self {
        let message = format!("the publisher vanished and did not come back within {} s", window.as_secs());
        Self::ready("publisher_lost", &message)
    }

    fn interrupted(window: Duration) -> Self {
        let message = format!(
            "the server died, and the publisher did not come back within {} s of its restart",
            window.as_secs()
        );
        Self::ready("interrupted", &message)
    }

    pub(super) fn encoder(error: &EncoderError) -> Self {
        let code = match error {
            EncoderError::Transcode(_) => "transcode_failed",
            EncoderError::Spawn(_) => "no_encoder_thread",
            EncoderError::Panicked(_) => "internal_error",
        };
        Self::failed(code, error.to_string())
    }

    pub(super) fn stalled() -> Self {
        Self::failed("encoder_stalled", "the encoder hung; this is a bug in Weir or in libav".to_owned())
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

/// Why a session feeds its broadcast no more, though its connection is well.
pub(crate) enum Removal {
    /// Another session has taken over.
    TakenOver,
    /// The broadcast was ended.
    Ended(EndReason),
}

/// A session's hold on its broadcast. Dropping it without a word counts as vanishing.
pub(crate) struct Attached {
    broadcast: Arc<Broadcast>,
    claim: Arc<Claim>,
    presence: watch::Receiver<Presence>,
    left: bool,
}

#[cfg(test)]
impl Broadcast {
    /// What the encoder's thread does with a segment; waits while the uploads are behind, as that cannot.
    pub(crate) async fn push(&self, segment: Arc<hls_mux::Segment>) {
        while self.uploads.depth().0 > 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.window.push(&segment, false);
        assert_eq!(self.uploads.push(segment), 0, "there was room");
    }

    /// Waits until every segment is stored, listed and kept.
    pub(crate) async fn all_stored(&self) {
        while self.uploads.depth().0 > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Broadcast {
    /// Makes a new session the one that feeds this broadcast, if nobody does, or whoever does has to
    /// yield to it.
    pub(super) fn take(
        self: &Arc<Self>,
        origin: Origin,
        policy: SecondPublisher,
    ) -> Result<Attached, Presence> {
        let mut taken = Err(Presence::Away(Instant::now()));
        self.presence.send_if_modified(|presence| {
            let now = Instant::now();
            let is_free = match presence {
                Presence::Away(_) => true,
                Presence::Publishing(current) => current.yields_to(origin, policy, now),
                Presence::Ending(_) => false,
            };
            taken = if is_free {
                // Numbered under the lock: whoever comes later has the higher number.
                let session = self.sessions.fetch_add(1, Ordering::Relaxed);
                let claim = Arc::new(Claim::new(session, origin, now));
                *presence = Presence::Publishing(claim.clone());
                Ok(claim)
            } else {
                Err(presence.clone())
            };
            is_free
        });
        taken.map(|claim| Attached {
            broadcast: self.clone(),
            claim,
            presence: self.presence.subscribe(),
            left: false,
        })
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

    /// Told when more of its segments are kept.
    pub(crate) fn kept(&self) -> watch::Receiver<()> {
        self.kept.subscribe()
    }

    /// Whether it is over, and another may begin.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.is_cancelled()
    }

    /// Waits until it is over, and no more of it will be stored.
    pub(crate) async fn stored(&self) {
        self.uploaded.cancelled().await;
    }

    /// Whether it is over, and no more of it will be stored.
    pub(crate) fn is_stored(&self) -> bool {
        self.uploaded.is_cancelled()
    }

    /// Whether its segments are those of a recording of its stream. One that is over isn't that of a broadcast which has
    /// begun since.
    pub(crate) fn is_kept_as(&self, recording: &Recording) -> bool {
        let is_over = recording.ended_at.is_some();
        let is_live = self.live_since.get().is_some();
        self.recorded && (!is_over || is_live && recording.before.is_none())
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
    fn leave(&self, claim: &Claim, end: SessionEnd) {
        self.presence.send_if_modified(|presence| {
            let own = presence.is_of(claim);
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
        self.broadcast.feed.tell(Feed::SessionStarted(self.claim.session)).await
    }

    /// Ends the broadcast: its stream was stopped while this session came.
    pub(super) fn stop(&self) {
        self.broadcast.end(End::stopped());
    }

    /// Hands a packet to the encoder.
    pub(crate) async fn media(&self, event: MediaEvent) -> Result<(), FeedError> {
        self.claim.hear(Instant::now());
        let result = self.broadcast.feed.media(self.claim.session, event).await;
        if result == Err(FeedError::Stalled) {
            self.broadcast.end(End::stalled());
        }
        result
    }

    /// Shows what the session sends.
    pub(crate) fn show(&self, meter: &IngestMeter) {
        // The lock is held meanwhile, so that nobody shows over a session that takes over now.
        let presence = self.presence.borrow();
        if presence.is_of(&self.claim) {
            self.broadcast.health.set_ingest(Some(meter.health().clone()));
        }
    }

    /// Waits until something else than this session keeps it from feeding the broadcast.
    pub(crate) async fn removed(&mut self) -> Removal {
        let Self { presence, claim, .. } = self;
        match presence.wait_for(|presence| !presence.is_of(claim)).await.as_deref() {
            Ok(Presence::Publishing(_) | Presence::Away(_)) => Removal::TakenOver,
            Ok(Presence::Ending(end)) => Removal::Ended(end.reason.clone()),
            Err(_) => Removal::Ended(End::shutdown().reason),
        }
    }

    /// The session is over.
    pub(crate) async fn leave(mut self, end: SessionEnd) {
        // Only a hung encoder doesn't take it; the broadcast is then ended by its stall.
        let _ = self.broadcast.feed.tell(Feed::SessionEnded(self.claim.session)).await;
        self.broadcast.leave(&self.claim, end);
        self.left = true;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.left {
            self.broadcast.leave(&self.claim, SessionEnd::Vanished);
        }
    }
}

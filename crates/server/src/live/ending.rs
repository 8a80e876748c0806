//! Ends what runs while a broadcast is on air, however it ends, and however long that takes.

use std::time::Duration;

use hls_mux::MediaSequence;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::broadcast::{Broadcast, End};
use super::encoder::EncoderError;
use super::feed::Feed;
use super::launch::{EncoderResult, Running};
use super::registry::Shared;
use super::sprites::{self, Sheets};
use crate::catalog::{CatalogError, Status, VideoId};

/// How long an encoder that flushes may take without taking a packet or making a segment.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);
/// How long uploads may go on after the end before the stream is called over. They are tried on after that, for as long as
/// nothing else is stored of the stream and the window lingers.
const UPLOAD_LIMIT: Duration = Duration::from_secs(15);

/// The pauses after the catalog has refused the end of a broadcast, which is then tried again.
const END_PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// A broadcast that is over.
pub(super) struct Over {
    pub(super) end: End,
    /// How many segments there are; `None` if there is none.
    pub(super) segments: Option<u64>,
    /// The first number that no segment has.
    pub(super) unused: MediaSequence,
    pub(super) late: Option<Late>,
}

/// How an encoder has come to its end.
struct Finished {
    end: End,
    /// Its last segment is complete; or else parts of one that never will be have been served.
    is_whole: bool,
}

impl Shared {
    /// Ends what runs, and waits for what is stored of it, within reason. The first segment is `first`.
    pub(super) async fn bring_to_end(
        &self,
        broadcast: &Broadcast,
        mut running: Running,
        end: End,
        first: MediaSequence,
    ) -> Over {
        broadcast.end(end.clone());
        let Finished { end, is_whole } = finish(broadcast, &mut running, end).await;
        broadcast.window.end();
        broadcast.uploads.end();
        let next = *running.listed.borrow();
        if next.is_some() {
            // A broadcast so short that it is over as it goes on air has been there all the same.
            self.went_live(broadcast, &mut running).await;
        }
        let Running { uploads, sheets, .. } = running;
        let late = match finish_uploads(broadcast, uploads).await {
            Some(uploads) => Some(Late { uploads, sheets }),
            None => {
                sprites::finish(sheets).await;
                None
            }
        };
        let unused = MediaSequence::new(next.unwrap_or(first).get() + u64::from(!is_whole));
        Over { end, segments: next.map(|next| next.get() - first.get()), unused, late }
    }

    /// Tells the catalog of the end, after so many `segments`. The next broadcast's numbers begin at `unused`.
    pub(super) async fn record_end(
        &self,
        broadcast: &Broadcast,
        end: End,
        before: Status,
        segments: Option<u64>,
        unused: MediaSequence,
    ) {
        let status = match (segments, end.status) {
            (None, Status::Ready) if before != Status::Live => before,
            (_, status) => status,
        };
        let segments = segments.unwrap_or_default();
        tracing::info!(reason = end.reason.code, message = end.reason.message, segments, "ended");
        metrics::counter!("weir_broadcasts_ended_total", "reason" => end.reason.code.clone()).increment(1);
        let mut pauses = END_PAUSES.into_iter();
        while let Err(error) = self.keep_end(&broadcast.id, status, &end, unused).await {
            tracing::error!(%error, "the end of the broadcast is not recorded");
            let Some(pause) = pauses.next() else { break };
            tokio::time::sleep(pause).await;
        }
        self.board.set(&broadcast.id, status, false);
    }

    async fn keep_end(
        &self,
        id: &VideoId,
        status: Status,
        end: &End,
        unused: MediaSequence,
    ) -> Result<(), CatalogError> {
        self.catalog.set_next_sequence(id, unused).await?;
        self.catalog.ended(id, status, &end.reason).await
    }
}

/// Flushes the encoder, for as long as it gets on. One that failed says so, whatever else the reason
/// to end was.
async fn finish(broadcast: &Broadcast, running: &mut Running, end: End) -> Finished {
    if running.encoder.is_none() {
        return Finished { end, is_whole: false };
    }
    // An encoder that has just ended by itself takes nothing more; its result says why.
    let _ = broadcast.feed.tell(Feed::Finish).await;
    loop {
        let before = (broadcast.feed.depth(), *running.listed.borrow());
        match timeout(FLUSH_LIMIT, result_of(&mut running.encoder)).await {
            Ok(Err(error)) => return Finished { end: encoder_end(Err(error)), is_whole: false },
            Ok(Ok(())) => return Finished { end, is_whole: true },
            Err(_) if before != (broadcast.feed.depth(), *running.listed.borrow()) => {}
            Err(_) => {
                leave_behind(broadcast);
                return Finished { end, is_whole: false };
            }
        }
    }
}

/// Waits for the last uploads; those that take too long are handed back.
async fn finish_uploads(broadcast: &Broadcast, mut uploads: JoinHandle<()>) -> Option<JoinHandle<()>> {
    if timeout(UPLOAD_LIMIT, &mut uploads).await.is_ok() {
        return None;
    }
    let (segments, bytes) = broadcast.uploads.depth();
    tracing::warn!(segments, bytes, "the object store has not taken the last segments yet; trying on");
    Some(uploads)
}

/// What of a broadcast the object store hasn't taken yet, though it is over.
pub(super) struct Late {
    uploads: JoinHandle<()>,
    /// What its small pictures are collected by.
    sheets: Option<JoinHandle<Sheets>>,
}

impl Late {
    /// Waits until the store has it, a newer broadcast begins, or it is `over`; then it is given up.
    pub(super) async fn settle<T>(mut self, broadcast: &Broadcast, over: impl Future<Output = T>) {
        tokio::select! {
            _ = &mut self.uploads => {
                tracing::info!("the object store has taken the last segments");
                sprites::finish(self.sheets).await;
            }
            () = broadcast.superseded.cancelled() => give_up(broadcast, self.uploads).await,
            _ = over => give_up(broadcast, self.uploads).await,
        }
    }
}

/// Leaves the last segments out of the object store.
async fn give_up(broadcast: &Broadcast, uploads: JoinHandle<()>) {
    uploads.abort();
    // It may be in the middle of keeping what is stored.
    let _ = uploads.await;
    let (segments, bytes) = broadcast.uploads.depth();
    metrics::counter!("weir_upload_segments_dropped_total").increment(segments as u64);
    tracing::error!(segments, bytes, "the object store has not taken the last segments; giving up");
}

/// Ends a broadcast without its encoder, which hangs. Nothing can stop a thread from outside.
pub(super) fn leave_behind(broadcast: &Broadcast) {
    broadcast.pulse.give_up();
    metrics::counter!("weir_encoders_left_behind_total").increment(1);
    tracing::error!("the encoder hangs; its thread is left behind");
}

/// What an encoder's thread ends with; pending once that was taken.
pub(super) async fn result_of(encoder: &mut Option<EncoderResult>) -> Result<(), EncoderError> {
    match encoder {
        // A thread that is gone without a result was not able to panic in order.
        Some(result) => result.await.unwrap_or_else(|_| Err(EncoderError::Panicked(String::new()))),
        None => std::future::pending().await,
    }
}

/// Why a broadcast ends whose encoder did.
pub(super) fn encoder_end(result: Result<(), EncoderError>) -> End {
    match result {
        Ok(()) => End::shutdown(),
        Err(error) => {
            tracing::error!(%error, "the encoder failed");
            End::encoder(&error)
        }
    }
}

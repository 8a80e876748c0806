//! Ends what runs while a broadcast is on air, however it ends, and however long that takes.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::broadcast::{Broadcast, End};
use super::encoder::EncoderError;
use super::feed::Feed;
use super::launch::{EncoderResult, Running};

/// How long an encoder that flushes may take without taking a packet or making a segment.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);
/// How long uploads may go on after the end before the stream is called over. They are tried on after that, for as long as
/// nothing else is stored of the stream and the window lingers.
const UPLOAD_LIMIT: Duration = Duration::from_secs(15);

/// How an encoder has come to its end.
pub(super) struct Finished {
    pub(super) end: End,
    /// Its last segment is complete; or else parts of one that never will be have been served.
    pub(super) is_whole: bool,
}

/// Flushes the encoder, for as long as it gets on. One that failed says so, whatever else the reason
/// to end was.
pub(super) async fn finish(broadcast: &Broadcast, running: &mut Running, end: End) -> Finished {
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
pub(super) async fn finish_uploads(
    broadcast: &Broadcast,
    mut uploads: JoinHandle<()>,
) -> Option<JoinHandle<()>> {
    if timeout(UPLOAD_LIMIT, &mut uploads).await.is_ok() {
        return None;
    }
    let (segments, bytes) = broadcast.uploads.depth();
    tracing::warn!(segments, bytes, "the object store has not taken the last segments yet; trying on");
    Some(uploads)
}

/// Leaves the last segments out of the object store.
pub(super) async fn give_up(broadcast: &Broadcast, uploads: JoinHandle<()>) {
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

//! Which numbers a broadcast's segments have: none that any has had before.

use std::time::SystemTime;

use hls_mux::MediaSequence;

use super::broadcast::Broadcast;
use super::registry::Shared;

/// Segment numbers are reserved ahead of their use, so that a crash can't make one be used twice: that of the
/// segment in hand, whose parts are served, and one for the time that the catalog takes. Each that is lost in a
/// crash is a gap in the playlist.
const SEQUENCES_AHEAD: u64 = 2;

impl Shared {
    /// The number of a broadcast's first segment.
    pub(super) async fn first_sequence(&self, broadcast: &Broadcast) -> MediaSequence {
        match self.catalog.next_sequence(&broadcast.id).await {
            Ok(first) => first,
            // The stream goes on air all the same: numbers from the clock are above any that were
            // counted from 0, so that no name is used twice.
            Err(error) => {
                tracing::error!(%error, "segments are numbered by the clock");
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                MediaSequence::new(since.as_secs())
            }
        }
    }

    /// Keeps the catalog's number ahead of those in use.
    pub(super) async fn reserve(
        &self,
        broadcast: &Broadcast,
        next: MediaSequence,
        reserved: &mut MediaSequence,
    ) {
        let ahead = MediaSequence::new(next.get() + SEQUENCES_AHEAD);
        if ahead <= *reserved {
            return;
        }
        match self.catalog.set_next_sequence(&broadcast.id, ahead).await {
            Ok(()) => *reserved = ahead,
            Err(error) => tracing::error!(%error, "segment numbers are not kept"),
        }
    }
}

//! One segment's way into the object store, beside those of its neighbours.

use std::sync::Arc;
use std::time::Duration;

use hls_mux::playlist::Entry;
use hls_mux::segment_name;
use metrics::{counter, histogram};
use uploader::{Object, Stored, Uploader};

use super::health::Health;
use super::objects::ObjectKeys;
use super::publisher::{SEGMENT_CACHE, SEGMENT_TYPE};
use super::upload_queue::{Item, Pending};

/// Pause after the store has refused a segment for as long as one call tries.
const PAUSE: Duration = Duration::from_secs(1);

/// What stores the segments of one stream.
#[derive(Clone)]
pub(super) struct SegmentUpload {
    pub(super) keys: ObjectKeys,
    pub(super) uploader: Uploader,
    pub(super) health: Arc<Health>,
}

/// How a place in the order of segments is filled.
pub(super) struct Settled {
    pub(super) entry: Entry,
    /// Whether it decodes by itself.
    pub(super) independent: bool,
}

impl Settled {
    fn gap(entry: Entry) -> Self {
        Self { entry, independent: true }
    }
}

impl SegmentUpload {
    /// Tries until the segment is stored, or has to make room.
    pub(super) async fn settle(self, item: Item) -> Settled {
        let pending = match item {
            Item::Segment(pending) => pending,
            Item::Gap(entry) => return Settled::gap(entry),
        };
        tokio::select! {
            biased;
            () = self.store(&pending) => {}
            () = pending.given_up.cancelled() => return Settled::gap(pending.gap()),
        }
        let name = segment_name(pending.segment.sequence);
        Settled { entry: Entry::new(&pending.segment, name), independent: pending.segment.independent }
    }

    async fn store(&self, pending: &Pending) {
        let sequence = pending.segment.sequence;
        let object = Object {
            key: self.keys.segment(sequence),
            data: pending.segment.data.clone(),
            content_type: SEGMENT_TYPE,
            cache_control: SEGMENT_CACHE,
        };
        loop {
            match self.uploader.put(&object).await {
                Ok(stored) => return self.stored(pending, &stored),
                Err(error) => {
                    counter!("weir_upload_failures_total").increment(1);
                    self.health.update_upload(|upload| {
                        upload.retries += u64::from(error.attempts);
                        // Told once an episode, however long it lasts.
                        if upload.last_error.replace(error.to_string()).is_none() {
                            tracing::warn!(%sequence, %error, "a segment cannot be stored; trying on");
                        }
                    });
                    // What the store refuses for good, it refuses at once.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn stored(&self, pending: &Pending, stored: &Stored) {
        let latency = pending.since.elapsed();
        histogram!("weir_upload_duration_seconds", "object" => "segment").record(latency);
        counter!("weir_upload_retries_total").increment(u64::from(stored.attempts - 1));
        self.health.update_upload(|upload| {
            upload.segments_stored += 1;
            upload.retries += u64::from(stored.attempts - 1);
            upload.latency_ms = Some(latency.as_millis() as u64);
            if upload.last_error.take().is_some() {
                tracing::info!(sequence = %pending.segment.sequence, "the object store takes segments again");
            }
        });
    }
}

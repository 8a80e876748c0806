//! From a stream's segments to its objects: the segment first, then the playlist that names it.

use std::sync::Arc;

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::segment_name;
use metrics::{counter, histogram};
use tokio::sync::watch;
use uploader::{Object, Uploader};

use super::health::Health;
use super::objects::ObjectKeys;
use super::playlist_writer::PlaylistWriter;
use super::upload_queue::{Item, Pending, UploadQueue};

pub(super) const SEGMENT_TYPE: &str = "video/mp2t";
/// A segment's name is never used for anything else.
pub(super) const SEGMENT_CACHE: &str = "public, max-age=31536000, immutable";
pub(super) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
pub(super) const PLAYLIST_CACHE: &str = "no-cache";

/// One stream's way into the object store.
pub(super) struct Publisher {
    pub(super) keys: ObjectKeys,
    pub(super) uploader: Uploader,
    pub(super) queue: Arc<UploadQueue>,
    pub(super) playlist: MediaPlaylist,
    pub(super) writer: PlaylistWriter,
    /// The newest multivariant playlist, once the rendition is known.
    pub(super) multivariant: watch::Receiver<Option<String>>,
    pub(super) health: Arc<Health>,
}

impl Publisher {
    /// Stores what the queue yields until it ends; then the playlist gets its end, too.
    pub(super) async fn run(mut self) {
        let mut stored = false;
        while let Some(item) = self.queue.front().await {
            match item {
                Item::Segment(pending) => {
                    if self.store(&pending).await {
                        if !pending.segment.independent {
                            self.playlist.clear_independent();
                        }
                        let name = segment_name(pending.segment.sequence);
                        self.list(Entry::new(&pending.segment, name));
                        self.write_playlists();
                        stored = true;
                    }
                    self.queue.complete(pending.segment.sequence);
                }
                // It is written with the next segment that is stored: a playlist that ends in a
                // gap tells a player nothing new.
                Item::Gap(gap) => {
                    let sequence = gap.sequence;
                    self.list(gap);
                    self.queue.complete(sequence);
                }
            }
        }
        if stored {
            self.playlist.set_ended();
            self.write_playlists();
        }
        self.writer.finish().await;
    }

    /// Puts a segment until it is stored; `false` if it had to make room meanwhile.
    async fn store(&mut self, pending: &Pending) -> bool {
        let sequence = pending.segment.sequence;
        let object = Object {
            key: self.keys.segment(sequence),
            data: pending.segment.data.clone(),
            content_type: SEGMENT_TYPE,
            cache_control: SEGMENT_CACHE,
        };
        loop {
            match self.uploader.put(&object).await {
                Ok(stored) => {
                    let latency = pending.since.elapsed();
                    histogram!("weir_upload_duration_seconds", "object" => "segment").record(latency);
                    counter!("weir_upload_retries_total").increment(u64::from(stored.attempts - 1));
                    self.health.update_upload(|upload| {
                        upload.segments_stored += 1;
                        upload.retries += u64::from(stored.attempts - 1);
                        upload.latency_ms = Some(latency.as_millis() as u64);
                        if upload.last_error.take().is_some() {
                            tracing::info!(%sequence, "the object store takes segments again");
                        }
                    });
                    return true;
                }
                Err(error) => {
                    counter!("weir_upload_failures_total").increment(1);
                    self.health.update_upload(|upload| {
                        upload.retries += u64::from(error.attempts);
                        // Told once an episode, however long it lasts.
                        if upload.last_error.replace(error.to_string()).is_none() {
                            tracing::warn!(%sequence, %error, "a segment cannot be stored; trying on");
                        }
                    });
                    if !self.queue.wants(sequence) {
                        return false;
                    }
                }
            }
        }
    }

    fn list(&mut self, entry: Entry) {
        let evicted = self.playlist.push(entry);
        let keys = evicted.iter().filter(|e| !e.gap).map(|e| self.keys.segment(e.sequence));
        self.writer.remove_once_unlisted(keys);
    }

    fn write_playlists(&mut self) {
        self.writer.write(self.playlist.render().into());
        if self.multivariant.has_changed().unwrap_or(false)
            && let Some(text) = self.multivariant.borrow_and_update().clone()
        {
            self.writer.write_multivariant(Object {
                key: self.keys.multivariant_playlist(),
                data: text.into(),
                content_type: PLAYLIST_TYPE,
                cache_control: PLAYLIST_CACHE,
            });
        }
    }
}

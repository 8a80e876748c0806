//! From a stream's segments to its objects: the segment first, then the playlist that names it.

use std::sync::Arc;
use std::time::Duration;

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::segment_name;
use media::MediaDuration;
use metrics::{counter, histogram};
use tokio::sync::watch;
use uploader::{Object, Uploader};

use super::health::Health;
use super::objects::ObjectKeys;
use super::playlist_writer::PlaylistWriter;
use super::upload_queue::{Item, Pending, UploadQueue};
use crate::catalog::{Catalog, VideoId};

pub(crate) const SEGMENT_TYPE: &str = "video/mp2t";
/// A segment's name is never used for anything else.
pub(crate) const SEGMENT_CACHE: &str = "public, max-age=31536000, immutable";
pub(crate) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
pub(crate) const PLAYLIST_CACHE: &str = "no-cache";

/// Pause after the store has refused a segment for as long as one call tries.
const PAUSE: Duration = Duration::from_secs(1);

/// A day of segments that the catalog didn't take.
const MOST_UNKEPT: usize = 43_200;

/// One stream's way into the object store.
pub(super) struct Publisher {
    pub(super) keys: ObjectKeys,
    pub(super) uploader: Uploader,
    pub(super) queue: Arc<UploadQueue>,
    pub(super) playlist: MediaPlaylist,
    /// Keeps what the playlist lists, for a process that goes on after this one.
    pub(super) catalog: Catalog,
    pub(super) id: VideoId,
    pub(super) segment_duration: MediaDuration,
    /// Listed, but not kept in the catalog yet.
    pub(super) unkept: Vec<Entry>,
    /// Segments stay in the store when the playlist lists them no more.
    pub(super) recorded: bool,
    /// Told when more segments are kept.
    pub(super) kept: Arc<watch::Sender<()>>,
    pub(super) writer: PlaylistWriter,
    /// The newest multivariant playlist, once the rendition is known.
    pub(super) multivariant: watch::Receiver<Option<String>>,
    pub(super) health: Arc<Health>,
}

impl Publisher {
    /// Stores what the queue yields until it ends; then the playlist gets its end, too.
    pub(super) async fn run(mut self) {
        // The stored playlist may be older than what another process kept of it.
        let mut stored = self.playlist.entries().len() > 0;
        if stored {
            self.write_playlists();
        }
        while let Some(item) = self.queue.front().await {
            match item {
                // One that had to make room is not complete: its gap has taken its place, and is next.
                Item::Segment(pending) => {
                    if self.store(&pending).await {
                        if !pending.segment.independent {
                            self.playlist.clear_independent();
                        }
                        let name = segment_name(pending.segment.sequence);
                        self.list(Entry::new(&pending.segment, name));
                        self.keep().await;
                        self.write_playlists();
                        stored = true;
                        self.queue.complete(pending.segment.sequence);
                    }
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
                    // What the store refuses for good, it refuses at once.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn list(&mut self, entry: Entry) {
        let known = self.playlist.entries().last().map(|last| last.sequence);
        let mut evicted = self.playlist.bridge(entry.sequence, entry.program_date_time);
        let bridged = self.playlist.entries().filter(|listed| Some(listed.sequence) > known).cloned();
        self.unkept.extend(bridged);
        self.unkept.push(entry.clone());
        evicted.extend(self.playlist.push(entry));
        if self.recorded {
            return;
        }
        let keys = evicted.iter().filter(|e| !e.gap).map(|e| self.keys.segment(e.sequence));
        self.writer.remove_once_unlisted(keys);
    }

    /// Keeps in the catalog what the next playlist lists: after the segments are stored, and before the playlist
    /// is, so that a process that goes on knows all that a player may know.
    async fn keep(&mut self) {
        let kept = self
            .catalog
            .keep_playlist(&self.id, self.segment_duration, &self.playlist, &self.unkept, self.recorded)
            .await;
        match kept {
            Ok(()) => {
                self.unkept.clear();
                self.kept.send_replace(());
            }
            // Viewers don't wait for the catalog; it gets these with the next.
            Err(error) => {
                tracing::error!(%error, "if the server died now, listed segments would be forgotten");
                let first = self.playlist.entries().next().map(|entry| entry.sequence);
                self.unkept.retain(|entry| self.recorded || Some(entry.sequence) >= first);
                let forgotten = self.unkept.len().saturating_sub(MOST_UNKEPT);
                self.unkept.drain(..forgotten);
                counter!("weir_recording_segments_forgotten_total").increment(forgotten as u64);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::SystemTime;

    use bytes::Bytes;
    use hls_mux::{MediaSequence, Segment};
    use media::Timestamp;
    use tokio_util::sync::CancellationToken;
    use uploader::{MemoryStore, ObjectStore, RetryPolicy, StoreError, StoreFuture};

    use super::*;

    /// Refuses for good, as a store does whose key lost its permission, until it is opened.
    struct Gate {
        open: AtomicBool,
        attempts: AtomicU64,
        store: MemoryStore,
    }

    impl ObjectStore for Gate {
        fn location(&self) -> String {
            "the gate".to_owned()
        }

        fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            if self.open.load(Ordering::Relaxed) {
                return self.store.put(object);
            }
            Box::pin(async { Err(StoreError::Unsigned { reason: "no permission".to_owned() }) })
        }

        fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes> {
            ObjectStore::get(&self.store, key)
        }

        fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
            self.store.delete(key)
        }
    }

    fn segment(number: u64) -> Arc<Segment> {
        Arc::new(Segment {
            sequence: MediaSequence::new(number),
            start: Timestamp::ZERO,
            duration: MediaDuration::from_secs(2),
            program_date_time: SystemTime::UNIX_EPOCH,
            discontinuity: false,
            independent: true,
            data: Bytes::from_static(&[0x47; 188]),
            parts: Vec::new(),
        })
    }

    #[tokio::test]
    async fn a_segment_that_was_given_up_keeps_its_place_as_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        tokio::time::pause();
        let gate = Arc::new(Gate {
            open: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            store: MemoryStore::new(1 << 20),
        });
        let uploader = Uploader::new(gate.clone(), RetryPolicy::default());
        let keys = ObjectKeys::new(&VideoId::parse("v").unwrap());
        let queue = Arc::new(UploadQueue::default());
        let publisher = Publisher {
            writer: PlaylistWriter::start(
                uploader.clone(),
                keys.media_playlist(),
                Duration::ZERO,
                CancellationToken::new(),
            ),
            playlist: MediaPlaylist::new(MediaDuration::from_secs(2), 300),
            catalog,
            id: VideoId::parse("v").unwrap(),
            segment_duration: MediaDuration::from_secs(2),
            unkept: Vec::new(),
            recorded: false,
            kept: Arc::default(),
            multivariant: watch::channel(None).1,
            health: Arc::default(),
            keys: keys.clone(),
            queue: queue.clone(),
            uploader,
        };
        let running = tokio::spawn(publisher.run());
        queue.push(segment(0));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(gate.attempts.load(Ordering::Relaxed) <= 20, "a refusing store is not hammered");
        let dropped: u64 = (1..40).map(|number| queue.push(segment(number))).sum();
        // Long enough for the publisher to see that the first has lost its room; the clock is paused.
        tokio::time::sleep(Duration::from_secs(10)).await;
        gate.open.store(true, Ordering::Relaxed);
        queue.end();
        running.await.unwrap();
        let playlist = gate.store.get(&keys.media_playlist()).unwrap().data;
        let playlist = String::from_utf8(playlist.to_vec()).unwrap();
        assert_eq!(dropped, 8);
        assert_eq!(playlist.matches("#EXTINF").count(), 40, "{playlist}");
        assert_eq!(playlist.matches("#EXT-X-GAP").count(), 8, "{playlist}");
        assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{playlist}");
    }
}

//! From a stream's segments to its objects: the segment first, then the playlist that names it.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use hls_mux::playlist::{Entry, MediaPlaylist};
use media::MediaDuration;
use metrics::counter;
use tokio::sync::watch;
use uploader::Object;

use super::objects::ObjectKeys;
use super::playlist_writer::PlaylistWriter;
use super::segment_upload::SegmentUpload;
use super::upload_queue::UploadQueue;
use crate::catalog::{Catalog, VideoId};

pub(crate) const SEGMENT_TYPE: &str = "video/mp2t";
/// A segment's name is never used for anything else.
pub(crate) const SEGMENT_CACHE: &str = "public, max-age=31536000, immutable";
pub(crate) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
pub(crate) const PLAYLIST_CACHE: &str = "no-cache";

/// Segments of a stream that are under way to the store at a time.
const AT_A_TIME: usize = 4;

/// A day of segments that the catalog didn't take.
const MOST_UNKEPT: usize = 43_200;

/// One stream's way into the object store.
pub(super) struct Publisher {
    pub(super) keys: ObjectKeys,
    pub(super) upload: SegmentUpload,
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
    /// What a playlist listed, and the next one that is written doesn't.
    pub(super) unlisted: Vec<String>,
    /// The newest multivariant playlist, once the rendition is known.
    pub(super) multivariant: watch::Receiver<Option<String>>,
}

impl Publisher {
    /// Stores what the queue yields until it ends; then the playlist gets its end, too.
    ///
    /// Several segments are under way at a time, so that a store's round trips don't add up. They are listed in their order:
    /// each only once all before it are stored, or given up.
    pub(super) async fn run(mut self) {
        // The stored playlist may be older than what another process kept of it.
        let mut stored = self.playlist.entries().len() > 0;
        if stored {
            self.write_playlists();
        }
        let queue = self.queue.clone();
        let mut under_way = FuturesOrdered::new();
        let mut ended = false;
        while !ended || !under_way.is_empty() {
            tokio::select! {
                item = queue.take(), if !ended && under_way.len() < AT_A_TIME => match item {
                    Some(item) => under_way.push_back(self.upload.clone().settle(item)),
                    None => ended = true,
                },
                Some(settled) = under_way.next() => {
                    let (sequence, gap) = (settled.entry.sequence, settled.entry.gap);
                    if !settled.independent {
                        self.playlist.clear_independent();
                    }
                    self.list(settled.entry);
                    // A gap is written with the next segment that is stored: a playlist that ends in one tells a
                    // player nothing new.
                    if !gap {
                        self.keep().await;
                        self.write_playlists();
                        stored = true;
                    }
                    queue.settle(sequence);
                }
            }
        }
        if stored {
            self.playlist.set_ended();
            self.write_playlists();
        }
        self.writer.finish().await;
    }

    fn list(&mut self, entry: Entry) {
        let known = self.playlist.entries().last().map(|last| last.sequence);
        let mut evicted = self.playlist.bridge(entry.sequence, entry.program_date_time);
        let bridged = self.playlist.entries().filter(|listed| Some(listed.sequence) > known).cloned();
        self.unkept.extend(bridged);
        self.unkept.push(entry.clone());
        evicted.extend(self.playlist.push(entry));
        if !self.recorded {
            // An attempt to store what is a gap now may have been carried out all the same.
            self.unlisted.extend(evicted.iter().map(|entry| self.keys.segment(entry.sequence)));
        }
        // In a long outage nothing is kept, and what is listed only passes by.
        let first = self.playlist.entries().next().map(|entry| entry.sequence);
        self.unkept.retain(|entry| self.recorded || Some(entry.sequence) >= first);
        let forgotten = self.unkept.len().saturating_sub(MOST_UNKEPT);
        self.unkept.drain(..forgotten);
        counter!("weir_recording_segments_forgotten_total").increment(forgotten as u64);
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
            }
        }
    }

    fn write_playlists(&mut self) {
        self.writer.write(self.playlist.render().into(), self.unlisted.drain(..));
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
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use hls_mux::{MediaSequence, Segment};
    use media::Timestamp;
    use tokio_util::sync::CancellationToken;
    use uploader::{MemoryStore, ObjectStore, RetryPolicy, StoreError, StoreFuture, Uploader};

    use super::*;
    use crate::config::UploadLimits;

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

    /// A publisher into a store, its catalog's folder, and where its segments come from.
    async fn publisher(store: Arc<dyn ObjectStore>) -> (Publisher, tempfile::TempDir, Arc<UploadQueue>) {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        tokio::time::pause();
        let uploader = Uploader::new(store, RetryPolicy::default());
        let id = VideoId::parse("v").unwrap();
        let keys = ObjectKeys::new(&id);
        let limits = UploadLimits { bytes: 1 << 20, duration: MediaDuration::from_secs(64) };
        let queue = Arc::new(UploadQueue::new(limits));
        let publisher = Publisher {
            writer: PlaylistWriter::start(
                uploader.clone(),
                keys.media_playlist(),
                Duration::ZERO,
                CancellationToken::new(),
                &CancellationToken::new(),
            ),
            playlist: MediaPlaylist::new(MediaDuration::from_secs(2), 300),
            catalog,
            id,
            segment_duration: MediaDuration::from_secs(2),
            unkept: Vec::new(),
            recorded: false,
            kept: Arc::default(),
            unlisted: Vec::new(),
            multivariant: watch::channel(None).1,
            upload: SegmentUpload { keys: keys.clone(), uploader, health: Arc::default() },
            keys,
            queue: queue.clone(),
        };
        (publisher, dir, queue)
    }

    fn playlist(store: &MemoryStore) -> Option<String> {
        let object = store.get(&ObjectKeys::new(&VideoId::parse("v").unwrap()).media_playlist())?;
        Some(String::from_utf8(object.data.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_segment_that_was_given_up_keeps_its_place_as_a_gap() {
        let gate = Arc::new(Gate {
            open: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            store: MemoryStore::new(1 << 20),
        });
        let (publisher, _dir, queue) = publisher(gate.clone()).await;
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
        let playlist = playlist(&gate.store).unwrap();
        assert_eq!(dropped, 8);
        assert_eq!(playlist.matches("#EXTINF").count(), 40, "{playlist}");
        assert_eq!(playlist.matches("#EXT-X-GAP").count(), 8, "{playlist}");
        assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{playlist}");
    }

    /// Takes the first segment after a while, and all else at once.
    struct SlowFirst(MemoryStore);

    impl ObjectStore for SlowFirst {
        fn location(&self) -> String {
            "slow".to_owned()
        }

        fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
            Box::pin(async move {
                if object.key.ends_with(&hls_mux::segment_name(MediaSequence::new(0))) {
                    tokio::time::sleep(Duration::from_secs(4)).await;
                }
                self.0.put(object).await
            })
        }

        fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes> {
            ObjectStore::get(&self.0, key)
        }

        fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
            self.0.delete(key)
        }
    }

    #[tokio::test]
    async fn a_segment_is_listed_only_once_all_before_it_are_stored() {
        let store = Arc::new(SlowFirst(MemoryStore::new(1 << 20)));
        let (publisher, _dir, queue) = publisher(store.clone()).await;
        let keys = publisher.keys.clone();
        let running = tokio::spawn(publisher.run());
        for number in 0..6 {
            queue.push(segment(number));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let stored = |number| store.0.get(&keys.segment(MediaSequence::new(number))).is_some();
        assert_eq!([0, 1, 2, 3, 4].map(stored), [false, true, true, true, false], "four at a time");
        assert_eq!(playlist(&store.0), None);
        queue.end();
        running.await.unwrap();
        let playlist = playlist(&store.0).unwrap();
        let names: Vec<_> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
        let expected: Vec<_> = (0..6).map(|n| hls_mux::segment_name(MediaSequence::new(n))).collect();
        assert_eq!(names, expected);
        assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
    }
}

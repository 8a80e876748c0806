//! Keeps a stream's playlists in the object store at their newest, beside the segments' uploads, and
//! removes segments that no stored playlist has listed for long enough.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uploader::{LatestObject, Object, Uploader};

use super::publisher::{PLAYLIST_CACHE, PLAYLIST_TYPE};

/// Pause after the store has refused a playlist for as long as one call tries.
const PAUSE: Duration = Duration::from_secs(1);

/// The publisher's end: says what should be there, and never waits.
///
/// Dropped before [`PlaylistWriter::finish`] is through, it gives up what the store hasn't taken.
pub(super) struct PlaylistWriter {
    shared: Arc<Shared>,
    settled: oneshot::Receiver<()>,
    is_finished: bool,
}

#[derive(Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    changed: Notify,
    /// Nothing more is written or removed.
    abandoned: CancellationToken,
}

#[derive(Default)]
struct Wanted {
    playlist: Option<Bytes>,
    /// Written once, after the first media playlist: it names that one.
    multivariant: Option<Object>,
    /// Keys that `playlist`, or one that it took the place of, lists no more.
    unlisted: Vec<String>,
    finished: bool,
}

impl PlaylistWriter {
    /// Starts writing the media playlist `key`. `grace` is how long a segment outlives its place in the playlist (RFC 8216
    /// §6.2.2); `hurry` ends the removal of old segments early, when the server stops. Once `superseded`, nothing is written
    /// or removed: another writer of the same key may have begun, which knows what was listed here.
    pub(super) fn start(
        uploader: Uploader,
        key: String,
        grace: Duration,
        hurry: CancellationToken,
        superseded: &CancellationToken,
    ) -> Self {
        let abandoned = superseded.child_token();
        let shared = Arc::new(Shared { abandoned, ..Shared::default() });
        let (settle, settled) = oneshot::channel();
        let writer = Writer {
            settle: Some(settle),
            shared: shared.clone(),
            // One that was abandoned may have left an attempt under way.
            latest: LatestObject::new(uploader.clone(), key, PLAYLIST_TYPE, PLAYLIST_CACHE).inherited(),
            uploader,
            grace,
            hurry,
            removals: VecDeque::new(),
        };
        tokio::spawn(writer.run());
        Self { shared, settled, is_finished: false }
    }

    /// The media playlist should be this, from now on; one that wasn't written yet is forgotten. The objects that it lists no
    /// more, `unlisted`, are removed once it has been stored for long enough.
    pub(super) fn write(&self, playlist: Bytes, unlisted: impl IntoIterator<Item = String>) {
        let mut wanted = self.shared.lock();
        wanted.playlist = Some(playlist);
        wanted.unlisted.extend(unlisted);
        drop(wanted);
        self.shared.changed.notify_one();
    }

    /// The multivariant playlist should be this.
    pub(super) fn write_multivariant(&self, playlist: Object) {
        self.shared.lock().multivariant = Some(playlist);
        self.shared.changed.notify_one();
    }

    /// Waits until the last playlist is stored. Old segments are still removed after that.
    pub(super) async fn finish(mut self) {
        self.shared.lock().finished = true;
        self.shared.changed.notify_one();
        // A task that panicked has nothing left to write.
        let _ = (&mut self.settled).await;
        self.is_finished = true;
    }
}

impl Drop for PlaylistWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            self.shared.abandoned.cancel();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    shared: Arc<Shared>,
    uploader: Uploader,
    latest: LatestObject,
    grace: Duration,
    hurry: CancellationToken,
    removals: VecDeque<(Instant, String)>,
    /// Told when every playlist that was wanted is stored, and no other will be.
    settle: Option<oneshot::Sender<()>>,
}

enum Step {
    Write(Bytes, Vec<String>),
    WriteMultivariant(Object),
    Settle,
    Remove(String),
    Wait(Option<Instant>),
    Done,
}

impl Writer {
    async fn run(mut self) {
        let abandoned = self.shared.abandoned.clone();
        abandoned.run_until_cancelled(self.write_all()).await;
    }

    async fn write_all(&mut self) {
        loop {
            match self.next() {
                Step::Write(playlist, unlisted) => self.write(playlist, unlisted).await,
                Step::WriteMultivariant(playlist) => self.write_multivariant(playlist).await,
                Step::Settle => self.settle().await,
                Step::Remove(key) => self.remove(&key).await,
                Step::Wait(until) => self.wait(until).await,
                Step::Done => return,
            }
        }
    }

    /// Removals come last: a playlist is what viewers wait for.
    fn next(&mut self) -> Step {
        let mut wanted = self.shared.lock();
        if let Some(playlist) = wanted.playlist.take() {
            return Step::Write(playlist, std::mem::take(&mut wanted.unlisted));
        }
        if let Some(playlist) = wanted.multivariant.take() {
            return Step::WriteMultivariant(playlist);
        }
        let finished = wanted.finished;
        drop(wanted);
        if finished && let Some(settle) = self.settle.take() {
            // A publisher that is gone doesn't wait for it.
            let _ = settle.send(());
        }
        if finished && self.hurry.is_cancelled() {
            return Step::Done;
        }
        if finished && self.latest.is_doubtful() {
            return Step::Settle;
        }
        match self.removals.front() {
            Some((due, _)) if *due > Instant::now() => Step::Wait(Some(*due)),
            Some(_) => self.removals.pop_front().map_or(Step::Done, |(_, key)| Step::Remove(key)),
            None if finished => Step::Done,
            None => Step::Wait(None),
        }
    }

    async fn write(&mut self, playlist: Bytes, unlisted: Vec<String>) {
        match self.latest.replace(playlist.clone()).await {
            Ok(_) => {
                let due = Instant::now() + self.grace;
                self.removals.extend(unlisted.into_iter().map(|key| (due, key)));
            }
            Err(error) => {
                tracing::warn!(%error, "the playlist cannot be stored; trying on");
                {
                    let mut wanted = self.shared.lock();
                    wanted.unlisted.extend(unlisted);
                    wanted.playlist.get_or_insert(playlist);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn write_multivariant(&mut self, playlist: Object) {
        let Err(error) = self.uploader.put(&playlist).await else { return };
        tracing::warn!(%error, "the multivariant playlist cannot be stored; trying on");
        self.shared.lock().multivariant.get_or_insert(playlist);
        tokio::time::sleep(PAUSE).await;
    }

    /// After the last version, an attempt that was given up earlier must not undo it.
    async fn settle(&self) {
        tokio::select! {
            settled = self.latest.settle() => if let Err(error) = settled {
                tracing::warn!(%error, "the last playlist may not be the newest; trying on");
                tokio::time::sleep(PAUSE).await;
            },
            () = self.hurry.cancelled() => {}
        }
    }

    async fn remove(&self, key: &str) {
        if let Err(error) = self.uploader.delete(key).await {
            metrics::counter!("weir_objects_left_behind_total").increment(1);
            tracing::warn!(%error, "an old segment cannot be removed");
        }
    }

    async fn wait(&self, until: Option<Instant>) {
        let due = async {
            match until {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let hurry = async {
            // Cancelled already, it must not turn the loop into a busy one.
            if self.hurry.is_cancelled() {
                std::future::pending().await
            } else {
                self.hurry.cancelled().await
            }
        };
        tokio::select! {
            () = self.shared.changed.notified() => {}
            () = due => {}
            () = hurry => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use uploader::{MemoryStore, ObjectStore, RetryPolicy, StoreError, StoreFuture};

    use super::*;

    /// Breaks connections off until it is well.
    struct Shaky {
        well: AtomicBool,
        store: MemoryStore,
    }

    impl ObjectStore for Shaky {
        fn location(&self) -> String {
            "shaky".to_owned()
        }

        fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
            if self.well.load(Ordering::Relaxed) {
                return self.store.put(object);
            }
            Box::pin(async { Err(StoreError::Interrupted { reason: "reset".to_owned() }) })
        }

        fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes> {
            ObjectStore::get(&self.store, key)
        }

        fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
            self.store.delete(key)
        }
    }

    fn writer(store: &Arc<Shaky>) -> PlaylistWriter {
        until_superseded(store, &CancellationToken::new())
    }

    fn until_superseded(store: &Arc<Shaky>, superseded: &CancellationToken) -> PlaylistWriter {
        let uploader = Uploader::new(store.clone(), RetryPolicy::default());
        let (grace, hurry) = (Duration::from_secs(10), CancellationToken::new());
        PlaylistWriter::start(uploader, "index.m3u8".to_owned(), grace, hurry, superseded)
    }

    fn shaky(well: bool) -> Arc<Shaky> {
        Arc::new(Shaky { well: AtomicBool::new(well), store: MemoryStore::new(1 << 20) })
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_given_up_writes_nothing_over_its_successor() {
        let store = shaky(false);
        let given_up = writer(&store);
        given_up.write("old".into(), []);
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(given_up);
        store.well.store(true, Ordering::Relaxed);
        let successor = writer(&store);
        successor.write("new".into(), []);
        successor.finish().await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(store.store.get("index.m3u8").unwrap().data, "new");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_superseded_writes_nothing_over_its_successor_whether_it_was_finished_or_not() {
        for well in [true, false] {
            let (store, superseded) = (shaky(well), CancellationToken::new());
            let first = until_superseded(&store, &superseded);
            first.write("old".into(), []);
            // It breaks off in the middle, or has something to settle still.
            let _ = tokio::time::timeout(Duration::from_secs(2), first.finish()).await;
            superseded.cancel();
            store.well.store(true, Ordering::Relaxed);
            let successor = writer(&store);
            successor.write("new".into(), []);
            tokio::time::sleep(Duration::from_secs(300)).await;
            assert_eq!(store.store.get("index.m3u8").unwrap().data, "new");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_listed_no_more_goes_after_a_while_and_not_before_the_playlist_that_says_so() {
        let store = shaky(true);
        let writer = writer(&store);
        let segment =
            Object { key: "a.ts".to_owned(), data: "a".into(), content_type: "", cache_control: "" };
        store.put(&segment).await.unwrap();
        let is_there = || store.store.get("a.ts").is_some();
        writer.write("lists it".into(), []);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(is_there());
        store.well.store(false, Ordering::Relaxed);
        writer.write("does not".into(), ["a.ts".to_owned()]);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(is_there(), "the store still has the playlist that lists it");
        store.well.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!is_there());
    }
}

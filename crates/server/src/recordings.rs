//! Recordings: one MP4 file a broadcast, made of its kept segments while it runs.
//!
//! A recorder holds no media that isn't in the object store, and what it has done is in the catalog: it can be stopped
//! anywhere, and goes on where it was.

mod assembly;
mod bucket_playlist;
mod recorder;

/// An object's bytes; `None` if there is no such object.
async fn read(uploader: &Uploader, key: &str) -> Result<Option<Bytes>, uploader::Error> {
    match uploader.get(key).await {
        Ok(data) => Ok(Some(data)),
        Err(error) if matches!(error.source, StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod ten_hours;
#[cfg(test)]
mod tests;
mod thumbs;
mod upload;
mod vod;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hls_mux::MediaSequence;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uploader::{RetryPolicy, StoreError, Uploader};

use self::bucket_playlist::BucketPlaylists;
use self::recorder::Recorder;
pub(crate) use self::thumbs::render as render_thumbs;
pub(crate) use self::vod::VodPlaylist;
use self::vod::VodPlaylists;
use crate::catalog::{Catalog, CatalogError, Leavings, Recording, VideoId};
use crate::janitor::{Janitor, Swept};
use crate::live::{ObjectKeys, Registry, sprites_sequence};

pub(crate) const FILE_TYPE: &str = "video/mp4";
/// A recording's name is never used for anything else.
pub(crate) const FILE_CACHE: &str = "public, max-age=31536000, immutable";
/// How long an address of a file in the bucket is good for: a long evening.
const SIGNED_FOR: Duration = Duration::from_secs(12 * 3600);
/// Segments that are read from the store for viewers at a time; each is some hundred kilobytes.
const READERS: usize = 64;

/// Where a recording's file is.
pub(crate) enum Place {
    /// In this process.
    Here(Bytes),
    /// At this address, for a while.
    At(String),
}

/// How long a server that stops waits for files that are nearly there.
const LAST_MOMENTS: Duration = Duration::from_secs(10);

/// Why a kept segment cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegmentError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] uploader::Error),
}

/// Every recording that is made. A clone is the same.
#[derive(Clone)]
pub(crate) struct Recorders {
    shared: Arc<Shared>,
}

struct Shared {
    catalog: Catalog,
    registry: Registry,
    uploader: Uploader,
    /// The same store for viewers, who do wait.
    for_viewers: Uploader,
    janitor: Janitor,
    vod: VodPlaylists,
    bucket_playlists: BucketPlaylists,
    /// Segments that are read from the store for viewers at a time.
    readers: Semaphore,
    running: Mutex<HashSet<(VideoId, u32)>>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Recorders {
    /// Makes the files of what is recorded, from now on; also of what an earlier process left unfinished.
    pub(crate) fn start(catalog: Catalog, registry: Registry, uploader: &Uploader, janitor: Janitor) -> Self {
        // A part is larger than a segment, and nobody waits for it.
        let policy = RetryPolicy {
            per_try_timeout: Duration::from_secs(60),
            deadline: Duration::from_secs(180),
            ..RetryPolicy::default()
        };
        let shared = Arc::new(Shared {
            catalog,
            registry,
            uploader: uploader.with_policy(policy),
            for_viewers: uploader.clone(),
            janitor,
            vod: VodPlaylists::default(),
            bucket_playlists: BucketPlaylists::default(),
            readers: Semaphore::new(READERS),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
        });
        let following = shared.clone();
        tokio::spawn(async move { following.cancel.run_until_cancelled(following.follow()).await });
        Self { shared }
    }

    /// The playlist of all that is kept of a stream's newest broadcast; `None` if that is nothing.
    pub(crate) async fn vod(&self, id: &VideoId) -> Result<Option<VodPlaylist>, CatalogError> {
        self.shared.vod.get(&self.shared.catalog, &self.shared.registry, id).await
    }

    /// A kept segment that may have left the origin's memory; `None` if there is none.
    pub(crate) async fn segment(&self, id: &VideoId, name: &str) -> Result<Option<Bytes>, SegmentError> {
        let Some(sequence) = hls_mux::segment_sequence(name) else { return Ok(None) };
        let after = MediaSequence::new(sequence.get().saturating_add(1));
        let kept = self.shared.catalog.kept_segments(id, sequence, Some(after), 1).await?;
        if kept.first().is_none_or(|entry| entry.gap) {
            return Ok(None);
        }
        let _place = self.shared.readers.acquire().await;
        Ok(read(&self.shared.for_viewers, &ObjectKeys::new(id).segment(sequence)).await?)
    }

    /// The list of small pictures of what [`vod`](Self::vod) lists; `None` if that is nothing.
    pub(crate) async fn thumbs(&self, id: &VideoId) -> Result<Option<String>, CatalogError> {
        self.shared.vod.thumbs(&self.shared.catalog, &self.shared.registry, id).await
    }

    /// A sheet of sprites; `None` if there is none.
    pub(crate) async fn sprites(&self, id: &VideoId, name: &str) -> Result<Option<Bytes>, SegmentError> {
        let Some(sequence) = sprites_sequence(name) else { return Ok(None) };
        let after = MediaSequence::new(sequence.get().saturating_add(1));
        if self.shared.catalog.sprite_sheets(id, sequence, Some(after)).await?.is_empty() {
            return Ok(None);
        }
        let _place = self.shared.readers.acquire().await;
        Ok(read(&self.shared.for_viewers, &ObjectKeys::new(id).sprites(sequence)).await?)
    }

    /// Where a recording's file is; `None` if it is gone.
    pub(crate) async fn place(&self, recording: &Recording) -> Result<Option<Place>, uploader::Error> {
        let key = ObjectKeys::new(&recording.video_id).recording(recording.number);
        if let Some(url) = self.shared.uploader.signed_url(&key, SIGNED_FOR).await? {
            return Ok(Some(Place::At(url)));
        }
        Ok(read(&self.shared.for_viewers, &key).await?.map(Place::Here))
    }

    /// Removes a recording whose broadcast is over: what the catalog knows at once, then its objects, but for segments
    /// that the ended playlist lists.
    pub(crate) async fn remove(&self, recording: &Recording) -> Result<(), CatalogError> {
        let shared = &self.shared;
        let broadcast = shared.registry.get(&recording.video_id).filter(|known| !known.is_stored());
        let broadcast = broadcast.filter(|broadcast| broadcast.is_kept_as(recording));
        let Some(leavings) = shared.catalog.remove_recording(recording).await? else { return Ok(()) };
        let (shared, recording) = (shared.clone(), recording.clone());
        self.shared.tasks.spawn(async move {
            shared.remove_objects(&recording, leavings).await;
            let Some(broadcast) = broadcast else { return };
            // The object store may take its last segments yet.
            broadcast.stored().await;
            match shared.catalog.forget_late(&recording).await {
                Ok(late) => shared.remove_objects(&recording, late).await,
                Err(error) => tracing::warn!(%error, "late segments of a removed recording are left behind"),
            }
        });
        Ok(())
    }

    /// Removes the recordings of a stream that is being deleted.
    pub(crate) async fn forget(&self, id: &VideoId) -> Result<(), CatalogError> {
        for recording in self.shared.catalog.recordings_of(id).await? {
            self.remove(&recording).await?;
        }
        Ok(())
    }

    /// Waits, when every broadcast is over, for the files that are nearly there. The next process makes the others.
    pub(crate) async fn finish(&self) {
        self.shared.look().await;
        self.shared.tasks.close();
        if tokio::time::timeout(LAST_MOMENTS, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!(recordings = self.shared.lock().len(), "recordings are left for the next start");
        }
        self.shared.cancel.cancel();
    }
}

impl Shared {
    /// Removes what the store has of a recording that was removed.
    async fn remove_objects(&self, recording: &Recording, leavings: Leavings) {
        if let Err(error) = self.janitor.remove_recorded(recording, leavings, &mut Swept::default()).await {
            tracing::warn!(%error, "objects of a removed recording are left for the next sweep");
        }
    }

    /// Looks for work whenever something happens: a broadcast that begins is an event.
    async fn follow(self: &Arc<Self>) {
        let mut events = self.catalog.newest_event();
        loop {
            self.look().await;
            if events.changed().await.is_err() {
                return;
            }
        }
    }

    async fn look(self: &Arc<Self>) {
        let unfinished = match self.catalog.unfinished_recordings().await {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!(%error, "what is to be recorded is not known");
                return;
            }
        };
        for recording in unfinished {
            let place = (recording.video_id.clone(), recording.number);
            if !self.lock().insert(place.clone()) {
                continue;
            }
            let recorder =
                Recorder { shared: self.clone(), id: recording.video_id, number: recording.number };
            let span = tracing::info_span!("recording", stream = %recorder.id, number = recorder.number);
            let shared = self.clone();
            self.tasks.spawn(
                async move {
                    metrics::gauge!("weir_recordings").increment(1);
                    shared.cancel.run_until_cancelled(recorder.run()).await;
                    metrics::gauge!("weir_recordings").decrement(1);
                    shared.lock().remove(&place);
                }
                .instrument(span),
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(VideoId, u32)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

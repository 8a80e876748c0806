//! The bucket's playlist of all that is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tracing::Instrument;
use uploader::{LatestObject, Uploader};

use super::Shared;
use super::recorder::RecordError;
use crate::catalog::{CatalogError, VideoId};
use crate::live::{ObjectKeys, PLAYLIST_CACHE, PLAYLIST_TYPE};

/// The bucket's playlist is written again when so long has passed, and a part of it is new.
const PLAYLIST_PERIOD: Duration = Duration::from_secs(10);
const PLAYLIST_GROWTH: usize = 50;

/// The bucket's playlist of what is kept. It is as long as the broadcast: writing it with each segment would
/// cost more than the segments.
pub(super) struct BucketPlaylist {
    shared: Arc<Shared>,
    id: VideoId,
    /// The recording that it is of, as long as that is the newest.
    number: u32,
    latest: Arc<LatestObject>,
    listed: usize,
    written: usize,
    written_at: Option<Instant>,
}

/// The objects that are written: recorders of one stream, of which one still finishes, share one.
#[derive(Default)]
pub(super) struct BucketPlaylists {
    written: Mutex<HashMap<VideoId, Weak<LatestObject>>>,
}

impl BucketPlaylists {
    fn of(&self, id: &VideoId, uploader: &Uploader) -> Arc<LatestObject> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, latest| latest.strong_count() > 0);
        if let Some(latest) = written.get(id).and_then(Weak::upgrade) {
            return latest;
        }
        let key = ObjectKeys::new(id).vod_playlist();
        let latest = LatestObject::new(uploader.clone(), key, PLAYLIST_TYPE, PLAYLIST_CACHE).inherited();
        let latest = Arc::new(latest);
        written.insert(id.clone(), Arc::downgrade(&latest));
        latest
    }
}

impl BucketPlaylist {
    /// The playlist of a recording, of which so many segments are known.
    pub(super) fn new(shared: &Arc<Shared>, id: &VideoId, number: u32, listed: usize) -> Self {
        let latest = shared.bucket_playlists.of(id, &shared.uploader);
        Self { shared: shared.clone(), id: id.clone(), number, latest, listed, written: 0, written_at: None }
    }

    /// There are so many more segments. It is written when they are a fiftieth of all, and ten seconds are over.
    pub(super) async fn grown(&mut self, more: usize) {
        self.listed += more;
        let is_due = self.written_at.is_none_or(|at| at.elapsed() >= PLAYLIST_PERIOD);
        if is_due
            && (self.listed - self.written) * PLAYLIST_GROWTH >= self.listed
            && let Err(error) = self.write().await
        {
            tracing::warn!(%error, "the playlist of a recording cannot be stored; trying on");
        }
    }

    /// Writes it as it is now; nothing where there is a newer recording, whose recorder does.
    pub(super) async fn write(&mut self) -> Result<(), RecordError> {
        let Shared { catalog, registry, vod, .. } = &*self.shared;
        if self.is_newest().await?
            && let Some(playlist) = vod.get(catalog, registry, &self.id).await?
        {
            self.latest.replace(playlist.rendered.plain).await?;
        }
        (self.written, self.written_at) = (self.listed, Some(Instant::now()));
        Ok(())
    }

    async fn is_newest(&self) -> Result<bool, CatalogError> {
        let newest = self.shared.catalog.newest_recording(&self.id).await?;
        Ok(newest.is_some_and(|newest| newest.number == self.number))
    }

    /// Sees to it, beside all else, that no attempt that was abandoned takes the end away again.
    pub(super) fn settle(self) {
        if !self.latest.is_doubtful() {
            return;
        }
        let settled = async move {
            let stop = self.shared.cancel.clone();
            let settled = async {
                tokio::time::sleep(2 * self.shared.uploader.policy().per_try_timeout).await;
                // That of a recording that was removed has gone with it.
                if self.is_newest().await? {
                    self.latest.settle().await?;
                }
                Ok::<_, RecordError>(())
            };
            if let Some(Err(error)) = stop.run_until_cancelled(settled).await {
                tracing::warn!(%error, "the playlist of a recording may have lost its end");
            }
        };
        tokio::spawn(settled.in_current_span());
    }
}

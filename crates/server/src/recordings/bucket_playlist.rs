//! The bucket's playlist of all that is kept.

use std::time::{Duration, Instant};

use uploader::LatestObject;

use super::Shared;
use super::recorder::RecordError;
use crate::catalog::VideoId;
use crate::live::{ObjectKeys, PLAYLIST_CACHE, PLAYLIST_TYPE};

/// The bucket's playlist is written again when so long has passed, and a part of it is new.
const PLAYLIST_PERIOD: Duration = Duration::from_secs(10);
const PLAYLIST_GROWTH: usize = 50;

/// The bucket's playlist of what is kept. It is as long as the broadcast: writing it with each segment would
/// cost more than the segments.
pub(super) struct BucketPlaylist<'a> {
    shared: &'a Shared,
    id: &'a VideoId,
    latest: LatestObject,
    listed: usize,
    written: usize,
    written_at: Option<Instant>,
}

impl<'a> BucketPlaylist<'a> {
    /// The playlist of a broadcast, of which so many segments are known.
    pub(super) fn new(shared: &'a Shared, id: &'a VideoId, listed: usize) -> Self {
        let key = ObjectKeys::new(id).vod_playlist();
        let latest =
            LatestObject::new(shared.uploader.clone(), key, PLAYLIST_TYPE, PLAYLIST_CACHE).inherited();
        Self { shared, id, latest, listed, written: 0, written_at: None }
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

    /// Writes it as it is now.
    pub(super) async fn write(&mut self) -> Result<(), RecordError> {
        if let Some(playlist) = self.shared.vod.get(&self.shared.catalog, self.id).await? {
            self.latest.replace(playlist.rendered.plain).await?;
        }
        (self.written, self.written_at) = (self.listed, Some(Instant::now()));
        Ok(())
    }
}

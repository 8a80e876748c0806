//! What a server that died left on air: found in the catalog, and served again until its publishers
//! are back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hls_mux::playlist::{Entry, MediaPlaylist};
use media::MediaDuration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uploader::StoreError;

use super::objects::ObjectKeys;
use super::registry::{Registry, Shared};
use super::supervisor::Supervisor;
use crate::catalog::{CatalogError, Listed, Status, Stream};

/// How long a stream's segments may take to be read back. Publishers wait for it at the door.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Where a broadcast goes on.
pub(super) struct Resumed {
    /// The bucket's playlist.
    pub(super) playlist: MediaPlaylist,
    /// The origin's: the same, but for what couldn't be read back.
    pub(super) origin: MediaPlaylist,
    /// The origin's segments, by name.
    pub(super) segments: Vec<(String, Bytes)>,
    pub(super) multivariant: Option<String>,
    /// A playlist's target duration never changes, whatever was configured since.
    pub(super) segment_duration: MediaDuration,
    /// Whether it was being recorded, and is again.
    pub(super) recorded: bool,
    /// Whether the events say already that its publisher is away: it vanished before the server died.
    pub(super) away: bool,
}

impl Registry {
    /// Brings the broadcasts back that were live when a server died: each waits for its publisher as if that
    /// had vanished now.
    ///
    /// # Errors
    ///
    /// If the catalog cannot be read.
    pub(crate) async fn recover(&self) -> Result<(), CatalogError> {
        let mut readers = JoinSet::new();
        for stream in self.shared.catalog.live().await? {
            let listed = self.shared.catalog.kept_playlist(&stream.video_id).await?;
            let recorded = self.shared.catalog.is_recording(&stream.video_id).await?;
            let away = self.shared.catalog.is_told_away(&stream.video_id).await?;
            let shared = self.shared.clone();
            readers.spawn(async move {
                let resumed = shared.read_back(&stream, listed, recorded, away).await;
                (stream, resumed)
            });
        }
        while let Some(read) = readers.join_next().await {
            // A panic was logged where it happened.
            let Ok((stream, resumed)) = read else { continue };
            tracing::warn!(
                stream = %stream.video_id,
                segments = resumed.playlist.entries().len(),
                wait_s = stream.options.reconnect_window,
                "was live when the server died; waiting for its publisher"
            );
            metrics::counter!("weir_broadcasts_recovered_total").increment(1);
            self.shared.board.set(&stream.video_id, Status::Live, true);
            let (broadcast, supervisor) = Supervisor::resumed(&self.shared, &stream, resumed);
            self.adopt(broadcast, supervisor);
        }
        Ok(())
    }
}

impl Shared {
    async fn read_back(
        self: &Arc<Self>,
        stream: &Stream,
        listed: Option<Listed>,
        recorded: bool,
        away: bool,
    ) -> Resumed {
        let mut listed = listed.unwrap_or_else(|| Listed {
            segment_duration: self.options.segment_duration,
            discontinuity_sequence: 0,
            independent: true,
            entries: Vec::new(),
        });
        let keys = ObjectKeys::new(&stream.video_id);
        let mut origin = listed.entries.clone();
        let mut segments = Vec::new();
        let read = async {
            for (entry, ours) in listed.entries.iter_mut().zip(&mut origin).filter(|(entry, _)| !entry.gap) {
                ours.gap = true;
                match self.uploader.get(&keys.segment(entry.sequence)).await {
                    Ok(data) => {
                        ours.gap = false;
                        segments.push((entry.uri.clone(), data));
                    }
                    // A store in memory died, too; and somebody may have emptied a bucket.
                    Err(error) if matches!(error.source, StoreError::NotFound) => entry.gap = true,
                    Err(error) => tracing::warn!(%error, "the origin doesn't serve a segment of before"),
                }
            }
            let playlist = self.uploader.get(&keys.multivariant_playlist()).await.ok()?;
            String::from_utf8(playlist.to_vec()).ok()
        };
        let multivariant = timeout(READ_LIMIT, read).await.unwrap_or_default();
        // What wasn't read in time.
        for entry in &mut origin {
            entry.gap |= !segments.iter().any(|(name, _)| *name == entry.uri);
        }
        Resumed {
            playlist: self.go_on(&listed, listed.entries.clone()),
            origin: self.go_on(&listed, origin),
            segments,
            multivariant,
            segment_duration: listed.segment_duration,
            recorded,
            away,
        }
    }

    /// A playlist that lists these. Where all are lost it lists none, and counts what they were.
    fn go_on(&self, listed: &Listed, mut entries: Vec<Entry>) -> MediaPlaylist {
        let mut discontinuities = listed.discontinuity_sequence;
        if entries.iter().all(|entry| entry.gap) {
            discontinuities += entries.iter().filter(|entry| entry.discontinuity).count() as u64;
            entries.clear();
        }
        let empty = MediaPlaylist::new(listed.segment_duration, self.options.playlist_window);
        let mut playlist = empty.with_entries(discontinuities, entries);
        if !listed.independent {
            playlist.clear_independent();
        }
        playlist
    }
}

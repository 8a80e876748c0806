//! A stream's objects that nothing names.

use hls_mux::{MediaSequence, segment_name};
use metrics::counter;
use uploader::{Multipart, StoreError};

use super::{Janitor, JanitorError, Swept};
use crate::catalog::{CatalogError, Leavings, Recording, VideoId};
use crate::live::{ObjectKeys, ObjectName, THUMBS, VOD_PLAYLIST};

impl Janitor {
    /// Removes what the store has of a recording that the catalog doesn't have any more.
    pub(crate) async fn remove_recorded(
        &self,
        recording: &Recording,
        leavings: Leavings,
        swept: &mut Swept,
    ) -> Result<(), JanitorError> {
        let (id, number) = (&recording.video_id, recording.number);
        if let Some(upload_id) = leavings.upload_id {
            let key = ObjectKeys::new(id).recording(number);
            self.uploader.abort_multipart(&Multipart { key, upload_id }).await?;
        }
        let newest = self.catalog.newest_recording(id).await?;
        if newest.is_none_or(|newest| newest.number < number) {
            // They list this one, and a stream with older ones has no others.
            let keys = ObjectKeys::new(id);
            for list in [keys.vod_playlist(), keys.thumbs()] {
                self.uploader.delete(&list).await?;
            }
        }
        let segments = leavings.segments.into_iter().map(ObjectName::Segment);
        let sheets = leavings.sheets.into_iter().map(ObjectName::Sprites);
        let names = segments.chain(sheets).chain([ObjectName::Recording(number)]).collect();
        self.remove_unnamed(id, names, swept).await
    }

    /// Removes those of a stream's objects that nothing names.
    pub(super) async fn remove_unnamed(
        &self,
        id: &VideoId,
        mut names: Vec<ObjectName>,
        swept: &mut Swept,
    ) -> Result<(), JanitorError> {
        let keys = ObjectKeys::new(id);
        self.retain_unnamed(id, &mut names).await?;
        let any_segment = names.iter().any(|name| matches!(name, ObjectName::Segment(_)));
        if any_segment && self.catalog.get(id).await?.is_some() {
            // The catalog may have missed what the playlist says.
            match self.uploader.get(&keys.media_playlist()).await {
                Ok(playlist) => {
                    let playlist = String::from_utf8_lossy(&playlist).into_owned();
                    let lists = |sequence| playlist.lines().any(|line| line == segment_name(sequence));
                    names.retain(|name| !matches!(name, ObjectName::Segment(sequence) if lists(*sequence)));
                }
                Err(error) if error.source == StoreError::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            self.retain_unnamed(id, &mut names).await?;
        }
        for name in names {
            // Names of a number are used once. Those that a stream has once may have become names again in the time that
            // the others took.
            let is_used_again = matches!(name, ObjectName::OfStream(_));
            if is_used_again && !self.is_unnamed(id, name).await? {
                continue;
            }
            let key = keys.of(name);
            swept.objects += 1;
            if self.dry_run {
                tracing::info!(key, "would be removed: nothing names it");
            } else if let Err(error) = self.uploader.delete(&key).await {
                swept.left_behind += 1;
                counter!("weir_objects_left_behind_total").increment(1);
                tracing::warn!(%error, "an object that nothing names cannot be removed");
            } else {
                counter!("weir_janitor_removed_total").increment(1);
                tracing::debug!(key, "removed: nothing names it");
            }
        }
        Ok(())
    }

    async fn is_unnamed(&self, id: &VideoId, name: ObjectName) -> Result<bool, CatalogError> {
        let mut names = vec![name];
        self.retain_unnamed(id, &mut names).await?;
        Ok(!names.is_empty())
    }

    /// Leaves the names that the catalog doesn't have.
    async fn retain_unnamed(&self, id: &VideoId, names: &mut Vec<ObjectName>) -> Result<(), CatalogError> {
        let sequences = names.iter().filter_map(|name| match name {
            ObjectName::Segment(sequence) => Some(*sequence),
            _ => None,
        });
        let (first, last) = sequences
            .fold((MediaSequence::new(u64::MAX), MediaSequence::new(0)), |range, n| {
                (range.0.min(n), range.1.max(n))
            });
        let segments = self.catalog.named_segments(id, first, last).await?;
        let recordings = self.catalog.recordings_of(id).await?;
        let sheets = self.catalog.sprite_sheets(id, MediaSequence::new(0), None).await?;
        let exists = self.catalog.get(id).await?.is_some();
        names.retain(|name| match name {
            ObjectName::Segment(sequence) => !segments.contains(sequence),
            ObjectName::Recording(number) => recordings.iter().all(|recording| recording.number != *number),
            ObjectName::Sprites(sequence) => sheets.iter().all(|sheet| sheet.sequence != *sequence),
            ObjectName::OfStream(VOD_PLAYLIST | THUMBS) => recordings.is_empty(),
            ObjectName::OfStream(_) => !exists,
        });
        Ok(())
    }
}

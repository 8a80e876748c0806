//! The task of one recording: follows the kept segments, stores the file's parts.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hls_mux::MediaSequence;
use hls_mux::playlist::Entry;
use metrics::counter;

use super::Shared;
use super::assembly::{Assembly, AssemblyError, File};
use super::bucket_playlist::BucketPlaylist;
use super::upload::Upload;
use crate::catalog::{CatalogError, RecordedFile, Recording, VideoId};
use crate::live::{ObjectKeys, Served};

/// Segments that are asked of the catalog at a time.
const PAGE: u32 = 64;
/// Segments that are read at a time: what a recorder has to catch up with may be far away.
const AHEAD: usize = 4;
/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Attempts until a recording is given up: about a day.
const ATTEMPTS: u32 = 300;

/// Why an attempt to make a recording's file failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("the object store: {0}")]
    Store(#[from] uploader::Error),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error("part {part} is not what it was")]
    Changed { part: u32 },
    #[error("the object store has forgotten the upload; it begins anew")]
    Forgotten,
    #[error("nothing to play is in the segments that are left")]
    Empty,
    /// The recording was removed.
    #[error("the recording was removed")]
    Removed,
}

pub(super) struct Recorder {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) id: VideoId,
    pub(super) number: u32,
}

impl Recorder {
    /// Tries until the file is there, or there won't be one.
    pub(super) async fn run(self) {
        let mut failures = 0;
        loop {
            let error = match self.attempt().await {
                Ok(()) | Err(RecordError::Removed) => return,
                Err(error) => error,
            };
            failures += 1;
            counter!("weir_recording_failures_total").increment(1);
            let given_up = match self.shared.catalog.recording(&self.id, self.number).await {
                Ok(Some(recording)) => self.note(&recording, &error).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "a recording's trouble is not kept");
                    false
                }
            };
            if given_up {
                return;
            }
            let pause = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE);
            tracing::warn!(%error, ?pause, "a recording does not get on; trying on");
            tokio::time::sleep(pause).await;
        }
    }

    /// Keeps what went wrong; whether that was the last attempt.
    async fn note(&self, recording: &Recording, error: &RecordError) -> bool {
        let reason = error.to_string();
        let is_last = matches!(error, RecordError::Empty) || recording.attempts + 1 >= ATTEMPTS;
        let kept = if is_last {
            tracing::error!(%error, "there is no recording");
            counter!("weir_recordings_total", "result" => "failed").increment(1);
            self.shared.catalog.recording_failed(recording, &reason).await
        } else {
            self.shared.catalog.recording_trouble(recording, &reason).await
        };
        if let Err(error) = kept {
            tracing::error!(%error, "a recording's trouble is not kept");
            return false;
        }
        is_last
    }

    async fn attempt(&self) -> Result<(), RecordError> {
        let recording = self.read().await?;
        let key = ObjectKeys::new(&self.id).recording(self.number);
        let mut upload = Upload::resume(&self.shared, &recording, key).await?;
        let made = self.make(&recording, &mut upload).await;
        if let Err(RecordError::Changed { .. } | RecordError::Assembly(AssemblyError::Changed)) = made {
            tracing::warn!("what is stored of a recording does not fit its segments; its upload begins anew");
            upload.give_up().await?;
        }
        made
    }

    /// Makes the file, from where the last checkpoint was on. Parts behind that which the store has are made, and not
    /// stored, again.
    async fn make(&self, recording: &Recording, upload: &mut Upload<'_>) -> Result<(), RecordError> {
        let (mut assembly, next) = self.resume(recording).await?;
        let known = next.get().saturating_sub(recording.first.get()) as usize;
        let mut playlist = BucketPlaylist::new(&self.shared, &self.id, self.number, known);
        self.follow(&mut assembly, next, upload, &mut playlist).await?;
        playlist.write().await?;
        self.complete(recording, assembly, upload).await?;
        playlist.settle();
        Ok(())
    }

    /// Adds what is kept from a segment on, until the broadcast is over and nothing more of it will be.
    async fn follow(
        &self,
        assembly: &mut Assembly,
        mut next: MediaSequence,
        upload: &mut Upload<'_>,
        playlist: &mut BucketPlaylist,
    ) -> Result<(), RecordError> {
        loop {
            // In this order: what is kept after the look is told of.
            let broadcast = self.shared.registry.get(&self.id).filter(|known| !known.is_stored());
            let kept = broadcast.as_ref().map(|broadcast| broadcast.kept());
            let recording = self.read().await?;
            let entries = self.shared.catalog.kept_segments(&self.id, next, recording.before, PAGE).await?;
            let is_all = entries.len() < PAGE as usize;
            playlist.grown(entries.len()).await;
            next = entries.last().map_or(next, |last| MediaSequence::new(last.sequence.get() + 1));
            self.add(assembly, entries, upload).await?;
            match broadcast.zip(kept) {
                _ if !is_all => {}
                Some((broadcast, mut kept)) if broadcast.is_kept_as(&recording) => tokio::select! {
                    _ = kept.changed() => {}
                    () = broadcast.stored() => {}
                },
                _ => return Ok(()),
            }
        }
    }

    /// Adds segments, as far as there is room for them, and stores the parts that they fill.
    async fn add(
        &self,
        assembly: &mut Assembly,
        entries: Vec<Entry>,
        upload: &mut Upload<'_>,
    ) -> Result<(), RecordError> {
        let read = |entry: Entry| async move { (self.segment(&entry).await, entry) };
        let mut segments = stream::iter(entries).map(read).buffered(AHEAD);
        while !assembly.is_full()
            && let Some((segment, entry)) = segments.next().await
        {
            add(assembly, &entry, segment?)?;
            while let Some((piece, checkpoint)) = assembly.part() {
                upload.store(piece, checkpoint.as_deref()).await?;
            }
            if assembly.is_full() {
                tracing::warn!(sequence = %entry.sequence, "a recording is full; what follows is in its segments alone");
            }
        }
        Ok(())
    }

    /// Stores the end of the file, and tells of it.
    async fn complete(
        &self,
        recording: &Recording,
        assembly: Assembly,
        upload: &mut Upload<'_>,
    ) -> Result<(), RecordError> {
        if assembly.left_out() > 0 {
            tracing::info!(frames = assembly.left_out(), "frames had no place in a recording");
        }
        let codecs = assembly.codecs();
        let (file, summary) = assembly.finish()?;
        let index_is_last = matches!(file, File::Parts { index_is_last: true, .. });
        upload.finish(file, summary.bytes).await?;
        let file = RecordedFile {
            bytes: summary.bytes,
            duration: summary.duration,
            codecs: codecs.to_owned(),
            index_is_last,
        };
        if !self.shared.catalog.recording_ready(recording, &file, &upload.key).await? {
            // It was removed while its file wasn't there yet.
            self.shared.uploader.delete(&upload.key).await?;
            return Err(RecordError::Removed);
        }
        counter!("weir_recordings_total", "result" => "ready").increment(1);
        tracing::info!(key = upload.key, bytes = file.bytes, duration = %file.duration, "recorded");
        Ok(())
    }

    async fn read(&self) -> Result<Recording, RecordError> {
        self.shared.catalog.recording(&self.id, self.number).await?.ok_or(RecordError::Removed)
    }

    /// The file as its checkpoints say, and the segment to go on with.
    async fn resume(&self, recording: &Recording) -> Result<(Assembly, MediaSequence), RecordError> {
        let catalog = &self.shared.catalog;
        let checkpoints = catalog.checkpoints(recording).await?;
        if !checkpoints.is_empty() {
            match Assembly::restore(recording.started_at, checkpoints) {
                Ok((assembly, next)) => {
                    tracing::info!(sequence = %next, "a recording goes on");
                    return Ok((assembly, next));
                }
                Err(error) => {
                    tracing::warn!(%error, "a recording is made again from its first segment");
                    catalog.forget_checkpoints(recording).await?;
                }
            }
        }
        Ok((Assembly::new(recording.started_at), recording.first))
    }

    /// A segment's bytes: from memory while they are there. `None` if there are none.
    async fn segment(&self, entry: &Entry) -> Result<Option<Bytes>, RecordError> {
        if entry.gap {
            return Ok(None);
        }
        if let Some(broadcast) = self.shared.registry.get(&self.id)
            && let Ok(Served::Media(data)) = broadcast.window.media(&entry.uri).await
        {
            return Ok(Some(data));
        }
        Ok(super::read(&self.shared.uploader, &ObjectKeys::new(&self.id).segment(entry.sequence)).await?)
    }
}

/// Adds a segment to the file, or what is in its place.
fn add(assembly: &mut Assembly, entry: &Entry, segment: Option<Bytes>) -> Result<(), AssemblyError> {
    let missing = match segment {
        Some(data) => match assembly.push(entry.sequence, &data, entry.duration, entry.discontinuity) {
            Ok(()) => return Ok(()),
            Err(AssemblyError::Segment(error)) => Some(error.to_string()),
            Err(error) => return Err(error),
        },
        None if entry.gap => None,
        None => Some("it is not in the object store".to_owned()),
    };
    if let Some(error) = missing {
        counter!("weir_recording_segments_missing_total").increment(1);
        tracing::warn!(sequence = %entry.sequence, error, "a segment is missing from a recording");
    }
    assembly.pass(entry.duration, entry.discontinuity);
    Ok(())
}

//! The task of one recording: follows the kept segments, stores the file's parts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hls_mux::MediaSequence;
use hls_mux::playlist::Entry;
use metrics::counter;
use uploader::{LatestObject, Multipart, Object, StoreError};

use super::assembly::{Assembly, File, Piece};
use super::{FILE_CACHE, FILE_TYPE, Shared};
use crate::catalog::{CatalogError, RecordedFile, Recording, RecordingState, SealedPart, VideoId};
use crate::live::{ObjectKeys, PLAYLIST_CACHE, PLAYLIST_TYPE, Served};

/// Segments that are asked of the catalog at a time.
const PAGE: u32 = 64;
/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Attempts until a recording is given up: about a day.
const ATTEMPTS: u32 = 300;

/// The bucket's playlist is written again when so long has passed, and a part of it is new.
const PLAYLIST_PERIOD: Duration = Duration::from_secs(10);
const PLAYLIST_GROWTH: usize = 50;

/// Why an attempt to make a recording's file failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("the object store: {0}")]
    Store(#[from] uploader::Error),
    #[error("the index cannot be made: {0}")]
    Index(#[from] mp4_mux::Error),
    #[error("part {part} is not what it was; the upload begins anew")]
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

/// An attempt's hold on what the object store has of the file.
struct Upload<'a> {
    shared: &'a Shared,
    recording: &'a Recording,
    key: String,
    multipart: Option<Multipart>,
    sealed: BTreeMap<u32, SealedPart>,
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

    /// Makes the file from the first segment on. Parts that the store has already are made, and not stored, again.
    async fn attempt(&self) -> Result<(), RecordError> {
        let catalog = &self.shared.catalog;
        let recording = self.read().await?;
        let key = ObjectKeys::new(&self.id).recording(self.number);
        let mut upload = Upload::resume(&self.shared, &recording, key).await?;
        let mut playlist = BucketPlaylist::new(&self.shared, &self.id);
        let mut assembly = Assembly::new(recording.started_at);
        let mut next = recording.first;
        while !assembly.is_full() {
            // In this order: what is kept after the look is told of.
            let broadcast = self.shared.registry.get(&self.id).filter(|known| !known.is_finished());
            let mut kept = broadcast.as_ref().map(|broadcast| broadcast.kept());
            let is_over = self.read().await?.state != RecordingState::Recording;
            let before = catalog.end_of_recording(&recording).await?;
            let entries = catalog.kept_segments(&self.id, next, before, PAGE).await?;
            if entries.is_empty() {
                match (&broadcast, &mut kept) {
                    (Some(broadcast), Some(kept)) if !is_over => tokio::select! {
                        _ = kept.changed() => continue,
                        () = broadcast.finished() => continue,
                    },
                    _ => break,
                }
            }
            playlist.grown(entries.len()).await;
            for entry in entries {
                next = MediaSequence::new(entry.sequence.get() + 1);
                self.add(&mut assembly, &entry).await?;
                while let Some(piece) = assembly.part() {
                    upload.store(piece).await?;
                }
            }
        }
        playlist.write().await?;
        if assembly.left_out() > 0 {
            tracing::info!(frames = assembly.left_out(), "frames had no place in a recording");
        }
        let codecs = assembly.codecs();
        let (file, summary) = assembly.finish()?;
        let index_is_last = matches!(file, File::Parts { index_is_last: true, .. });
        upload.finish(file).await?;
        let file = RecordedFile {
            bytes: summary.bytes,
            duration: summary.duration,
            codecs: codecs.to_owned(),
            index_is_last,
        };
        catalog.recording_ready(&recording, &file, &upload.key).await?;
        counter!("weir_recordings_total", "result" => "ready").increment(1);
        tracing::info!(key = upload.key, bytes = file.bytes, duration = %file.duration, "recorded");
        Ok(())
    }

    async fn read(&self) -> Result<Recording, RecordError> {
        self.shared.catalog.recording(&self.id, self.number).await?.ok_or(RecordError::Removed)
    }

    async fn add(&self, assembly: &mut Assembly, entry: &Entry) -> Result<(), RecordError> {
        let missing = if entry.gap {
            None
        } else {
            match self.segment(entry).await? {
                Some(data) => match assembly.push(&data, entry.duration, entry.discontinuity) {
                    Ok(()) => return Ok(()),
                    Err(error) => Some(error.to_string()),
                },
                None => Some("it is not in the object store".to_owned()),
            }
        };
        if let Some(error) = missing {
            counter!("weir_recording_segments_missing_total").increment(1);
            tracing::warn!(sequence = %entry.sequence, error, "a segment is missing from a recording");
        }
        assembly.pass(entry.duration);
        Ok(())
    }

    /// A segment's bytes: from memory while they are there.
    async fn segment(&self, entry: &Entry) -> Result<Option<Bytes>, RecordError> {
        if let Some(broadcast) = self.shared.registry.get(&self.id)
            && let Ok(Served::Media(data)) = broadcast.window.media(&entry.uri).await
        {
            return Ok(Some(data));
        }
        Ok(self.shared.read(&ObjectKeys::new(&self.id).segment(entry.sequence)).await?)
    }
}

impl<'a> Upload<'a> {
    async fn resume(shared: &'a Shared, recording: &'a Recording, key: String) -> Result<Self, RecordError> {
        let multipart =
            recording.upload_id.clone().map(|upload_id| Multipart { key: key.clone(), upload_id });
        let sealed =
            if multipart.is_some() { shared.catalog.sealed_parts(recording).await? } else { Vec::new() };
        let sealed = sealed.into_iter().map(|sealed| (sealed.part.number, sealed)).collect();
        Ok(Self { shared, recording, key, multipart, sealed })
    }

    async fn store(&mut self, piece: Piece) -> Result<(), RecordError> {
        let digest = digest(&piece.data);
        if let Some(known) = self.sealed.get(&piece.number) {
            if known.digest == digest {
                return Ok(());
            }
            self.give_up().await?;
            return Err(RecordError::Changed { part: piece.number });
        }
        let multipart = match &self.multipart {
            Some(multipart) => multipart,
            None => {
                let begun = self.shared.uploader.create_multipart(&self.key, FILE_TYPE).await?;
                self.shared.catalog.begin_upload(self.recording, Some(&begun.upload_id)).await?;
                self.multipart.insert(begun)
            }
        };
        match self.shared.uploader.put_part(multipart, piece.number, &piece.data).await {
            Ok((_, part)) => {
                let sealed = SealedPart { part, digest };
                self.shared.catalog.seal_part(self.recording, &sealed).await?;
                self.sealed.insert(piece.number, sealed);
                counter!("weir_recording_parts_total").increment(1);
                Ok(())
            }
            Err(error) if is_forgotten(&error.source) => {
                self.shared.catalog.begin_upload(self.recording, None).await?;
                Err(RecordError::Forgotten)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn finish(&mut self, file: File) -> Result<(), RecordError> {
        let pieces = match file {
            File::Empty => {
                self.give_up().await?;
                return Err(RecordError::Empty);
            }
            File::Whole(data) => {
                let key = self.key.clone();
                let file = Object { key, data, content_type: FILE_TYPE, cache_control: FILE_CACHE };
                self.shared.uploader.put(&file).await?;
                return Ok(());
            }
            File::Parts { pieces, .. } => pieces,
        };
        for piece in pieces {
            self.store(piece).await?;
        }
        let parts: Vec<_> = self.sealed.values().map(|sealed| sealed.part.clone()).collect();
        let Some(multipart) = &self.multipart else { return Err(RecordError::Forgotten) };
        match self.shared.uploader.complete_multipart(multipart, &parts).await {
            Ok(()) => Ok(()),
            Err(error) if is_forgotten(&error.source) => {
                self.shared.catalog.begin_upload(self.recording, None).await?;
                Err(RecordError::Forgotten)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves nothing of the upload behind.
    async fn give_up(&mut self) -> Result<(), RecordError> {
        self.sealed.clear();
        if let Some(multipart) = self.multipart.take() {
            if let Err(error) = self.shared.uploader.abort_multipart(&multipart).await {
                tracing::warn!(%error, "an upload is left behind");
            }
            self.shared.catalog.begin_upload(self.recording, None).await?;
        }
        Ok(())
    }
}

/// The bucket's playlist of what is kept. It is as long as the broadcast: writing it with each segment would
/// cost more than the segments.
struct BucketPlaylist<'a> {
    shared: &'a Shared,
    id: &'a VideoId,
    latest: LatestObject,
    listed: usize,
    written: usize,
    written_at: Option<Instant>,
}

impl<'a> BucketPlaylist<'a> {
    fn new(shared: &'a Shared, id: &'a VideoId) -> Self {
        let key = ObjectKeys::new(id).vod_playlist();
        let latest =
            LatestObject::new(shared.uploader.clone(), key, PLAYLIST_TYPE, PLAYLIST_CACHE).inherited();
        Self { shared, id, latest, listed: 0, written: 0, written_at: None }
    }

    /// There are so many more segments. It is written when they are a fiftieth of all, and ten seconds are over.
    async fn grown(&mut self, more: usize) {
        self.listed += more;
        let is_due = self.written_at.is_none_or(|at| at.elapsed() >= PLAYLIST_PERIOD);
        if is_due
            && (self.listed - self.written) * PLAYLIST_GROWTH >= self.listed
            && let Err(error) = self.write().await
        {
            tracing::warn!(%error, "the playlist of a recording cannot be stored; trying on");
        }
    }

    async fn write(&mut self) -> Result<(), RecordError> {
        if let Some(playlist) = self.shared.vod.get(&self.shared.catalog, self.id).await? {
            self.latest.replace(playlist.rendered.plain).await?;
        }
        (self.written, self.written_at) = (self.listed, Some(Instant::now()));
        Ok(())
    }
}

fn is_forgotten(error: &StoreError) -> bool {
    match error {
        StoreError::NotFound => true,
        StoreError::Rejected(rejection) => rejection.code.as_deref() == Some("NoSuchUpload"),
        _ => false,
    }
}

/// Tells by accident different bytes apart.
fn digest(data: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    format!("{:08x}", crc.sum())
}

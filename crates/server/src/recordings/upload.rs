//! What the object store has of a recording's file.

use std::collections::BTreeMap;

use metrics::counter;
use uploader::{Multipart, Object, StoreError};

use super::assembly::{File, Piece};
use super::recorder::RecordError;
use super::{FILE_CACHE, FILE_TYPE, Shared};
use crate::catalog::{Recording, SealedPart};

/// An attempt's hold on what the object store has of the file.
pub(super) struct Upload<'a> {
    shared: &'a Shared,
    recording: &'a Recording,
    pub(super) key: String,
    multipart: Option<Multipart>,
    sealed: BTreeMap<u32, SealedPart>,
}

impl<'a> Upload<'a> {
    /// Goes on with what an earlier attempt has stored.
    pub(super) async fn resume(
        shared: &'a Shared,
        recording: &'a Recording,
        key: String,
    ) -> Result<Self, RecordError> {
        let multipart =
            recording.upload_id.clone().map(|upload_id| Multipart { key: key.clone(), upload_id });
        let sealed =
            if multipart.is_some() { shared.catalog.sealed_parts(recording).await? } else { Vec::new() };
        let sealed = sealed.into_iter().map(|sealed| (sealed.part.number, sealed)).collect();
        Ok(Self { shared, recording, key, multipart, sealed })
    }

    /// Stores a part, unless the store has it, and keeps the checkpoint that goes with it.
    pub(super) async fn store(&mut self, piece: Piece, checkpoint: Option<&[u8]>) -> Result<(), RecordError> {
        let digest = digest(&piece.data);
        if let Some(known) = self.sealed.get(&piece.number) {
            if known.digest != digest {
                return Err(RecordError::Changed { part: piece.number });
            }
            return match checkpoint {
                Some(_) => self.seal(known, checkpoint).await,
                None => Ok(()),
            };
        }
        let multipart = match &self.multipart {
            Some(multipart) => multipart,
            None => {
                let begun = self.shared.uploader.create_multipart(&self.key, FILE_TYPE).await?;
                if !self.shared.catalog.begin_upload(self.recording, Some(&begun.upload_id)).await? {
                    self.shared.uploader.abort_multipart(&begun).await?;
                    return Err(RecordError::Removed);
                }
                self.multipart.insert(begun)
            }
        };
        let stored = self.shared.uploader.put_part(multipart, piece.number, &piece.data).await;
        let (_, part) = self.accepted(stored).await?;
        let sealed = SealedPart { part, digest };
        self.seal(&sealed, checkpoint).await?;
        self.sealed.insert(piece.number, sealed);
        counter!("weir_recording_parts_total").increment(1);
        Ok(())
    }

    async fn seal(&self, sealed: &SealedPart, checkpoint: Option<&[u8]>) -> Result<(), RecordError> {
        match self.shared.catalog.seal_part(self.recording, sealed, checkpoint).await? {
            true => Ok(()),
            false => Err(RecordError::Removed),
        }
    }

    /// Stores what is left, and makes the file of it, which has so many bytes.
    pub(super) async fn finish(&mut self, file: File, bytes: u64) -> Result<(), RecordError> {
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
            self.store(piece, None).await?;
        }
        let parts: Vec<_> = self.sealed.values().map(|sealed| sealed.part.clone()).collect();
        let Some(multipart) = &self.multipart else { return Err(RecordError::Forgotten) };
        match self.shared.uploader.complete_multipart(multipart, &parts).await {
            // Its name is used for nothing else: an earlier attempt, which never learned of it, has completed it.
            Err(error) if is_forgotten(&error.source) && self.is_stored(bytes).await? => Ok(()),
            completed => self.accepted(completed).await,
        }
    }

    /// Whether the store has the file.
    async fn is_stored(&self, bytes: u64) -> Result<bool, RecordError> {
        let listed = self.shared.uploader.list(&self.key, None).await?;
        Ok(listed.items.iter().any(|object| object.key == self.key && object.size == bytes))
    }

    /// What the store answered. Where it doesn't know the upload any more, the next attempt begins another one.
    async fn accepted<T>(&self, answer: Result<T, uploader::Error>) -> Result<T, RecordError> {
        match answer {
            Err(error) if is_forgotten(&error.source) => {
                self.shared.catalog.begin_upload(self.recording, None).await?;
                Err(RecordError::Forgotten)
            }
            answer => Ok(answer?),
        }
    }

    /// Leaves nothing of the upload behind.
    pub(super) async fn give_up(&mut self) -> Result<(), RecordError> {
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

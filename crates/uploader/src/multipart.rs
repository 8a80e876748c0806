use bytes::Bytes;

use crate::{Error, Operation, Stored, Uploader};

/// An object that is stored in parts, in any order, and exists once it is completed.
///
/// The store's: parts but the last are at least 5 MiB, some stores want them of one size, and their
/// numbers are from 1 to 10,000, with gaps where one likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    /// The object's key.
    pub key: String,
    /// What the store calls this upload.
    pub upload_id: String,
}

/// A part that is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Its place among the parts, from 1.
    pub number: u32,
    /// What the store calls its content.
    pub etag: String,
}

impl Uploader {
    /// Begins an object that comes in parts. One that is neither completed nor aborted stays in the
    /// store, unseen, and costs what its parts do.
    pub async fn create_multipart(&self, key: &str, content_type: &'static str) -> Result<Multipart, Error> {
        let attempt = || self.store().create_multipart(key, content_type);
        let (_, upload_id) = self.retry(Operation::CreateMultipart, key, attempt).await?;
        Ok(Multipart { key: key.to_owned(), upload_id })
    }

    /// Stores a part. Storing the same part again replaces it.
    pub async fn put_part(
        &self,
        upload: &Multipart,
        number: u32,
        data: &Bytes,
    ) -> Result<(Stored, Part), Error> {
        let attempt = || self.store().put_part(upload, number, data);
        let (stored, etag) = self.retry(Operation::PutPart, &upload.key, attempt).await?;
        Ok((stored, Part { number, etag }))
    }

    /// Makes the object of its parts, in the order of their numbers.
    ///
    /// An attempt whose answer was lost may have made it, and then the next is told that there is no such upload: whoever
    /// knows what the object should be finds out whether it is there.
    pub async fn complete_multipart(&self, upload: &Multipart, parts: &[Part]) -> Result<(), Error> {
        let attempt = || self.store().complete_multipart(upload, parts);
        self.retry(Operation::CompleteMultipart, &upload.key, attempt).await.map(|_| ())
    }

    /// Gives the upload up, and its parts with it. That there is none is success.
    pub async fn abort_multipart(&self, upload: &Multipart) -> Result<(), Error> {
        let attempt = || self.store().abort_multipart(upload);
        self.retry(Operation::AbortMultipart, &upload.key, attempt).await.map(|_| ())
    }
}

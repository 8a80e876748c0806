//! Objects in parts (S3's multipart uploads).

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::ETAG;
use s3::command::{Command, Multipart as Place};
use s3::serde_types::{self, CompleteMultipartUploadData};

use super::{S3Store, answer};
use crate::{Multipart, Part, StoreError};

/// The longest answer is a page of a thousand unfinished uploads, of about a kilobyte each.
const ANSWER_LIMIT: usize = 4 << 20;

impl S3Store {
    pub(super) async fn create_multipart(&self, key: &str, content_type: &str) -> Result<String, StoreError> {
        let command = Command::InitiateMultipartUpload { content_type };
        let body = self.read(self.send(key, command, Bytes::new()).await?).await?;
        let id = answer::element(&body, "UploadId").filter(|id| !id.is_empty());
        id.map(str::to_owned).ok_or_else(|| answer::parse_rejection(200, &body))
    }

    pub(super) async fn put_part(
        &self,
        upload: &Multipart,
        number: u32,
        data: &Bytes,
    ) -> Result<String, StoreError> {
        let command = Command::PutObject {
            content: data,
            content_type: "application/octet-stream",
            custom_headers: None,
            multipart: Some(Place::new(number, &upload.upload_id)),
        };
        let response = self.send(&upload.key, command, data.clone()).await?;
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
        etag.map(str::to_owned).ok_or_else(|| answer::parse_rejection(200, "an answer without an ETag"))
    }

    pub(super) async fn complete_multipart(
        &self,
        upload: &Multipart,
        parts: &[Part],
    ) -> Result<(), StoreError> {
        let part = |part: &Part| serde_types::Part { part_number: part.number, etag: part.etag.clone() };
        let mut parts: Vec<_> = parts.iter().map(part).collect();
        parts.sort_by_key(|part| part.part_number);
        let data = CompleteMultipartUploadData { parts };
        let body = Bytes::from(data.to_string());
        let command = Command::CompleteMultipartUpload { upload_id: &upload.upload_id, data };
        let response = self.send(&upload.key, command, body).await?;
        // The status comes before the work is done, so a failure may stand in the document alone.
        let body = self.read(response).await?;
        if body.contains("<Error") { Err(answer::parse_rejection(500, &body)) } else { Ok(()) }
    }

    pub(super) async fn abort_multipart(&self, upload: &Multipart) -> Result<(), StoreError> {
        let command = Command::AbortMultipartUpload { upload_id: &upload.upload_id };
        match self.send(&upload.key, command, Bytes::new()).await {
            Err(StoreError::Rejected(rejection)) if rejection.status == 404 => Ok(()),
            done => done.map(|_| ()),
        }
    }

    pub(super) async fn read(&self, mut response: Response) -> Result<String, StoreError> {
        let mut body = BytesMut::new();
        while body.len() < ANSWER_LIMIT {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| answer::transport_error(&error, self.delivery_timeout))? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => break,
            }
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

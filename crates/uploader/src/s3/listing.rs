//! What the bucket lists.

use std::time::SystemTime;

use bytes::Bytes;
use s3::command::Command;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::S3Store;
use crate::{ListedMultipart, ListedObject, Multipart, Page, StoreError};

/// Objects on a page.
const PAGE: usize = 250;

/// What is read of an answer; servers leave out different things of the rest.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Objects {
    #[serde(default)]
    contents: Vec<Content>,
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    size: u64,
    last_modified: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default)]
    upload: Vec<Upload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    initiated: String,
}

impl S3Store {
    pub(super) async fn list(
        &self,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<Page<ListedObject>, StoreError> {
        let command = Command::ListObjectsV2 {
            prefix: format!("{}{prefix}", self.prefix),
            delimiter: None,
            continuation_token: page.map(str::to_owned),
            start_after: None,
            max_keys: Some(PAGE),
        };
        let listed: Objects = self.listed(command).await?;
        let object = |object: Content| {
            let key = self.own(&object.key)?;
            Some(parse_time(&object.last_modified).map(|modified| ListedObject {
                key,
                size: object.size,
                modified,
            }))
        };
        Ok(Page {
            items: listed.contents.into_iter().filter_map(object).collect::<Result<_, _>>()?,
            next: listed.next_continuation_token.filter(|token| !token.is_empty()),
        })
    }

    pub(super) async fn list_multiparts(
        &self,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<Page<ListedMultipart>, StoreError> {
        let prefix = format!("{}{prefix}", self.prefix);
        let command = Command::ListMultipartUploads {
            prefix: Some(&prefix),
            delimiter: None,
            key_marker: page.map(str::to_owned),
            upload_id_marker: None,
            max_uploads: None,
        };
        let listed: Uploads = self.listed(command).await?;
        let upload = |upload: Upload| {
            let multipart = Multipart { key: self.own(&upload.key)?, upload_id: upload.upload_id };
            Some(parse_time(&upload.initiated).map(|begun| ListedMultipart { multipart, begun }))
        };
        Ok(Page {
            items: listed.upload.into_iter().filter_map(upload).collect::<Result<_, _>>()?,
            next: listed.next_key_marker.filter(|_| listed.is_truncated),
        })
    }

    /// A listed key without what goes before each.
    fn own(&self, key: &str) -> Option<String> {
        key.strip_prefix(&self.prefix).map(str::to_owned)
    }

    async fn listed<T: DeserializeOwned>(&self, command: Command<'_>) -> Result<T, StoreError> {
        let body = self.read(self.request("", command, Bytes::new()).await?).await?;
        quick_xml::de::from_str(&body).map_err(|error| StoreError::Unreadable { reason: error.to_string() })
    }
}

fn parse_time(text: &str) -> Result<SystemTime, StoreError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|error| StoreError::Unreadable { reason: format!("{text:?} is no time: {error}") })
}

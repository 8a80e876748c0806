//! Uploads in parts that nobody goes on with.

use std::time::Duration;

use metrics::counter;
use uploader::ListedMultipart;

use super::{Janitor, JanitorError, Swept, is_older};
use crate::catalog::CatalogError;
use crate::live::ObjectName;

/// How long an upload may go on without being in the catalog.
pub(super) const UPLOAD_LIMIT: Duration = Duration::from_secs(86_400);

impl Janitor {
    /// Gives up the uploads that nobody goes on with.
    pub(super) async fn abort_uploads(&self, swept: &mut Swept) -> Result<(), JanitorError> {
        let mut page = None;
        loop {
            let listed = self.uploader.list_multiparts("recordings/", page.as_deref()).await?;
            for upload in listed.items {
                if self.is_abandoned(&upload).await? {
                    swept.uploads += 1;
                    let key = &upload.multipart.key;
                    tracing::info!(key, dry_run = self.dry_run, "nobody goes on with this upload");
                    if !self.dry_run {
                        self.uploader.abort_multipart(&upload.multipart).await?;
                        counter!("weir_janitor_uploads_aborted_total").increment(1);
                    }
                }
            }
            page = listed.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn is_abandoned(&self, upload: &ListedMultipart) -> Result<bool, CatalogError> {
        let is_ours = ObjectName::parse(&upload.multipart.key).is_some();
        Ok(is_ours
            && is_older(upload.begun, self.uploads_older_than)
            && !self.catalog.names_upload(&upload.multipart.upload_id).await?)
    }
}

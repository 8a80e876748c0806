//! Whose bucket it is.

use uploader::{Object, StoreError};

use super::{Janitor, JanitorError};

/// The object that says so.
pub(super) const OWNER: &str = "weir-catalog";

impl Janitor {
    /// Makes sure that the bucket has no other owner: to another catalog, all that is ours would be garbage.
    pub(super) async fn claim(&self) -> Result<(), JanitorError> {
        let ours = self.catalog.identity().await?;
        match self.uploader.get(OWNER).await {
            Ok(owner) if owner == ours => Ok(()),
            Ok(_) => Err(JanitorError::Foreign),
            Err(error) if error.source == StoreError::NotFound => {
                if !self.dry_run {
                    let owner = Object {
                        key: OWNER.to_owned(),
                        data: ours.into(),
                        content_type: "text/plain",
                        cache_control: "no-cache",
                    };
                    self.uploader.put(&owner).await?;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

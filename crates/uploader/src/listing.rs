use std::time::SystemTime;

use crate::{Error, Multipart, Operation, Uploader};

/// A stretch of what a store lists, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What it lists.
    pub items: Vec<T>,
    /// Asks for the next page; `None` after the last.
    pub next: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// An object, as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// How many bytes it has.
    pub size: u64,
    /// When it was stored, by the store's clock.
    pub modified: SystemTime,
}

/// An object in parts that was begun, and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMultipart {
    /// Which.
    pub multipart: Multipart,
    /// When it was begun, by the store's clock.
    pub begun: SystemTime,
}

impl Uploader {
    /// The objects whose keys begin with `prefix`, a page at a time.
    pub async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page<ListedObject>, Error> {
        let attempt = || self.store().list(prefix, page);
        Ok(self.retry(Operation::List, prefix, attempt).await?.1)
    }

    /// The unfinished objects in parts whose keys begin with `prefix`, a page at a time. Of those of one key that go over a
    /// page's end, some may be missing.
    pub async fn list_multiparts(
        &self,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<Page<ListedMultipart>, Error> {
        let attempt = || self.store().list_multiparts(prefix, page);
        Ok(self.retry(Operation::ListMultiparts, prefix, attempt).await?.1)
    }
}

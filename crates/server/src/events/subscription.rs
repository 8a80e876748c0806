use std::collections::VecDeque;

use tokio::sync::watch;

use super::event::Event;
use crate::catalog::{Catalog, CatalogError, VideoId};

/// Events that are read at a time.
const PAGE: u32 = 100;

/// A place in the events, and what comes after it.
pub(crate) struct Subscription {
    catalog: Catalog,
    /// The number of the newest event.
    newest: watch::Receiver<i64>,
    stream: Option<VideoId>,
    /// Events up to this one have been read.
    read: i64,
    page: VecDeque<Event>,
}

impl Subscription {
    /// What happens from now on, or after the event `after`; of one stream, or of all.
    pub(crate) fn new(catalog: &Catalog, after: Option<i64>, stream: Option<VideoId>) -> Self {
        let newest = catalog.newest_event();
        let now = *newest.borrow();
        // A number that wasn't given yet is of another catalog: it says nothing about this one.
        let read = after.filter(|after| *after <= now).unwrap_or(now);
        Self { catalog: catalog.clone(), newest, stream, read, page: VecDeque::new() }
    }

    /// The next event, as soon as there is one; `None` once the catalog is gone. May be dropped and asked
    /// again without losing one.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, CatalogError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Ok(Some(event));
            }
            let newest = *self.newest.borrow_and_update();
            if newest <= self.read {
                if self.newest.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            }
            let page = self.catalog.events_after(self.read, self.stream.as_ref(), PAGE).await?;
            self.read = match page.last() {
                Some(last) => last.id,
                // None of them are of this stream, or they are kept no more.
                None => newest,
            };
            self.page = page.into();
        }
    }
}

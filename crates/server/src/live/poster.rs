//! A stream's poster: what viewers saw a few seconds ago, in the origin's window and in the object store.

use bytes::Bytes;
use tokio::sync::watch;
use uploader::{LatestObject, Uploader};

pub(crate) const POSTER_TYPE: &str = "image/jpeg";
/// A poster is replaced every few seconds.
pub(crate) const POSTER_CACHE: &str = "public, max-age=5";

/// Keeps the poster in the object store at the newest, until nobody makes any more. A store that refuses
/// one is asked again with the next: an old poster harms nobody.
pub(super) async fn store(uploader: Uploader, key: String, mut newest: watch::Receiver<Option<Bytes>>) {
    let latest = LatestObject::new(uploader, key, POSTER_TYPE, POSTER_CACHE);
    while newest.changed().await.is_ok() {
        let poster = newest.borrow_and_update().clone();
        let Some(poster) = poster else { continue };
        if let Err(error) = latest.replace(poster).await {
            metrics::counter!("weir_poster_failures_total").increment(1);
            tracing::debug!(%error, "a poster cannot be stored");
        }
    }
}

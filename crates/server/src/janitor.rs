//! Removes from the object store what nothing names any more: what a crash left behind, and what has been kept for as
//! long as its stream says.

mod ownership;
mod unnamed;
mod uploads;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior, interval};
use uploader::Uploader;

use self::uploads::UPLOAD_LIMIT;
use crate::Config;
use crate::catalog::{Catalog, CatalogError, Recording, Status, VideoId};
use crate::live::{ObjectName, Registry};

/// How old an object must be: younger ones may not be in the catalog yet.
const GRACE: Duration = Duration::from_secs(3600);
/// Time between two looks for recordings that have had their time.
const RETENTION_PERIOD: Duration = Duration::from_secs(60);

/// Why nothing was removed, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum JanitorError {
    /// The bucket is another catalog's.
    #[error(
        "the bucket has the objects of another catalog, and nothing is removed from it; if that catalog is gone, \
         remove the object {} to have all removed that this catalog doesn't know",
        ownership::OWNER
    )]
    Foreign,
    /// There is nothing to look at from outside.
    #[error("without a bucket (s3_bucket), objects are in the memory of the server alone")]
    NoBucket,
    /// The catalog doesn't answer.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store doesn't.
    #[error("the object store doesn't answer: {0}")]
    Store(#[source] Box<uploader::Error>),
}

impl From<uploader::Error> for JanitorError {
    fn from(error: uploader::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

/// What was removed; would be, where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that nothing named.
    pub objects: u64,
    /// Those that could not be removed.
    pub left_behind: u64,
    /// Uploads in parts that nobody goes on with.
    pub uploads: u64,
    /// Recordings that have had their time.
    pub recordings: u64,
}

/// Looks after one store with one catalog.
#[derive(Clone)]
pub(crate) struct Janitor {
    catalog: Catalog,
    uploader: Uploader,
    /// The broadcasts of this process, if it is the server.
    registry: Option<Registry>,
    /// How long players may still read what a playlist listed.
    window: Duration,
    /// Days that a recording may be kept at most.
    max_retention_days: Option<u32>,
    /// Only objects that are older are removed …
    pub(crate) older_than: Duration,
    /// … and uploads in parts that were begun so long ago.
    pub(crate) uploads_older_than: Duration,
    /// Says what would be removed, and removes nothing.
    pub(crate) dry_run: bool,
}

impl Janitor {
    pub(crate) fn new(
        config: &Config,
        catalog: Catalog,
        uploader: Uploader,
        registry: Option<Registry>,
    ) -> Self {
        let segments = config.playlist_window as u32 + 1;
        let window = config.segment_duration.to_std() * segments;
        Self {
            catalog,
            uploader,
            registry,
            window,
            max_retention_days: config.max_retention_days,
            older_than: GRACE,
            uploads_older_than: UPLOAD_LIMIT,
            dry_run: false,
        }
    }

    /// Sweeps at once, and then each `period`; never where that is zero. Recordings that have had their time go either way.
    pub(crate) async fn run(self, period: Duration) {
        let sweeps = !period.is_zero();
        let mut ticks = interval(if sweeps { period.min(RETENTION_PERIOD) } else { RETENTION_PERIOD });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = Instant::now();
        loop {
            ticks.tick().await;
            let swept = if sweeps && Instant::now() >= due {
                due = Instant::now() + period;
                self.sweep().await
            } else {
                self.expire().await
            };
            if let Err(error) = swept {
                tracing::warn!(%error, "the object store is not swept");
            }
        }
    }

    /// Removes all that has to go.
    pub(crate) async fn sweep(&self) -> Result<Swept, JanitorError> {
        self.claim().await?;
        let mut swept = self.expire().await?;
        for folder in ["live/", "recordings/"] {
            let mut page = None;
            loop {
                let listed = self.uploader.list(folder, page.as_deref()).await?;
                let mut old: BTreeMap<VideoId, Vec<ObjectName>> = BTreeMap::new();
                for object in listed.items {
                    if is_older(object.modified, self.older_than)
                        && let Some((id, name)) = ObjectName::parse(&object.key)
                    {
                        old.entry(id).or_default().push(name);
                    }
                }
                for (id, names) in old {
                    if !self.is_on_air(&id).await? {
                        self.remove_unnamed(&id, names, &mut swept).await?;
                    }
                }
                page = listed.next;
                if page.is_none() {
                    break;
                }
            }
        }
        self.abort_uploads(&mut swept).await?;
        let Swept { objects, left_behind, uploads, recordings } = swept;
        tracing::info!(objects, left_behind, uploads, recordings, "swept the object store");
        Ok(swept)
    }

    /// Removes the recordings that have had their time, and their segments.
    async fn expire(&self) -> Result<Swept, JanitorError> {
        let mut swept = Swept::default();
        let expired = self.catalog.expired_recordings(self.expiry_time(), self.max_retention_days).await?;
        if expired.is_empty() {
            return Ok(swept);
        }
        self.claim().await?;
        for recording in expired {
            self.expire_one(&recording, &mut swept).await?;
        }
        Ok(swept)
    }

    /// What has had its time by then can be removed: players of an ended playlist read on for a while.
    fn expiry_time(&self) -> SystemTime {
        SystemTime::now().checked_sub(self.window).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    async fn expire_one(&self, recording: &Recording, swept: &mut Swept) -> Result<(), JanitorError> {
        let (id, number) = (&recording.video_id, recording.number);
        if self.dry_run {
            swept.recordings += 1;
            tracing::info!(stream = %id, recording = number, "would be removed: it has had its time");
            return Ok(());
        }
        // Rows first: whatever is not removed now is nobody's, and found by the next sweep. Those before it took their time,
        // in which the stream may have been told to keep this one for longer.
        let removed =
            self.catalog.remove_expired(recording, self.expiry_time(), self.max_retention_days).await?;
        let Some(leavings) = removed else { return Ok(()) };
        swept.recordings += 1;
        tracing::info!(stream = %id, recording = number, "removed: it has had its time");
        self.remove_recorded(recording, leavings, swept).await
    }

    /// Whether new objects of the stream may come that the catalog doesn't have yet.
    async fn is_on_air(&self, id: &VideoId) -> Result<bool, CatalogError> {
        let here = self.registry.as_ref().and_then(|registry| registry.get(id));
        if here.is_some_and(|broadcast| !broadcast.is_finished()) {
            return Ok(true);
        }
        Ok(self.catalog.get(id).await?.is_some_and(|stream| stream.status == Status::Live))
    }
}

fn is_older(since: SystemTime, than: Duration) -> bool {
    since.elapsed().is_ok_and(|age| age >= than)
}

#[cfg(test)]
mod tests;

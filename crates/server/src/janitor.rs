//! Removes from the object store what nothing names any more: what a crash left behind, and what has been kept for as
//! long as its stream says.

mod ownership;
mod uploads;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hls_mux::{MediaSequence, segment_name};
use metrics::counter;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uploader::{StoreError, Uploader};

use crate::Config;
use crate::catalog::{Catalog, CatalogError, Recording, Status, VideoId};
use crate::live::{ObjectKeys, ObjectName, Registry, VOD_PLAYLIST};

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
pub(crate) struct Janitor {
    catalog: Catalog,
    uploader: Uploader,
    /// The broadcasts of this process, if it is the server.
    registry: Option<Registry>,
    /// How long players may still read what a playlist listed.
    window: Duration,
    /// Only what is older is removed.
    pub(crate) older_than: Duration,
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
        Self { catalog, uploader, registry, window, older_than: GRACE, dry_run: false }
    }

    /// Sweeps at once, and then each `period`.
    pub(crate) async fn run(self, period: Duration) {
        let mut ticks = interval(period.min(RETENTION_PERIOD));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = Instant::now();
        loop {
            ticks.tick().await;
            let swept = if Instant::now() >= due {
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
        let now = SystemTime::now().checked_sub(self.window).unwrap_or(SystemTime::UNIX_EPOCH);
        let expired = self.catalog.expired_recordings(now).await?;
        if expired.is_empty() {
            return Ok(swept);
        }
        self.claim().await?;
        for recording in expired {
            swept.recordings += 1;
            self.expire_one(&recording, &mut swept).await?;
        }
        Ok(swept)
    }

    async fn expire_one(&self, recording: &Recording, swept: &mut Swept) -> Result<(), JanitorError> {
        let (id, number) = (&recording.video_id, recording.number);
        tracing::info!(stream = %id, recording = number, dry_run = self.dry_run, "has had its time");
        if self.dry_run {
            return Ok(());
        }
        let end = self.catalog.end_of_recording(recording).await?;
        let kept = self.catalog.kept_segments(id, recording.first, end, u32::MAX).await?;
        // Rows first: whatever is not removed now is nobody's, and found by the next sweep.
        self.catalog.remove_recording(recording, end).await?;
        let segments =
            kept.iter().filter(|entry| !entry.gap).map(|entry| ObjectName::Segment(entry.sequence));
        let names = segments.chain([ObjectName::Recording(number)]).collect();
        if end.is_none() {
            // It lists this one, and a stream with older ones has no other.
            self.uploader.delete(&ObjectKeys::new(id).vod_playlist()).await?;
        }
        self.remove_unnamed(id, names, swept).await
    }

    /// Removes those of a stream's objects that nothing names.
    async fn remove_unnamed(
        &self,
        id: &VideoId,
        mut names: Vec<ObjectName>,
        swept: &mut Swept,
    ) -> Result<(), JanitorError> {
        let keys = ObjectKeys::new(id);
        self.retain_unnamed(id, &mut names).await?;
        let any_segment = names.iter().any(|name| matches!(name, ObjectName::Segment(_)));
        if any_segment && self.catalog.get(id).await?.is_some() {
            // The catalog may have missed what the playlist says.
            match self.uploader.get(&keys.media_playlist()).await {
                Ok(playlist) => {
                    let playlist = String::from_utf8_lossy(&playlist).into_owned();
                    let lists = |sequence| playlist.lines().any(|line| line == segment_name(sequence));
                    names.retain(|name| !matches!(name, ObjectName::Segment(sequence) if lists(*sequence)));
                }
                Err(error) if error.source == StoreError::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            self.retain_unnamed(id, &mut names).await?;
        }
        for name in names {
            let key = keys.of(name);
            swept.objects += 1;
            if self.dry_run {
                tracing::info!(key, "would be removed: nothing names it");
            } else if let Err(error) = self.uploader.delete(&key).await {
                swept.left_behind += 1;
                counter!("weir_objects_left_behind_total").increment(1);
                tracing::warn!(%error, "an object that nothing names cannot be removed");
            } else {
                counter!("weir_janitor_removed_total").increment(1);
                tracing::debug!(key, "removed: nothing names it");
            }
        }
        Ok(())
    }

    /// Leaves the names that the catalog doesn't have.
    async fn retain_unnamed(&self, id: &VideoId, names: &mut Vec<ObjectName>) -> Result<(), CatalogError> {
        let sequences = names.iter().filter_map(|name| match name {
            ObjectName::Segment(sequence) => Some(*sequence),
            _ => None,
        });
        let (first, last) = sequences
            .fold((MediaSequence::new(u64::MAX), MediaSequence::new(0)), |range, n| {
                (range.0.min(n), range.1.max(n))
            });
        let segments = self.catalog.named_segments(id, first, last).await?;
        let recordings = self.catalog.recordings_of(id).await?;
        let exists = self.catalog.get(id).await?.is_some();
        names.retain(|name| match name {
            ObjectName::Segment(sequence) => !segments.contains(sequence),
            ObjectName::Recording(number) => recordings.iter().all(|recording| recording.number != *number),
            ObjectName::OfStream(VOD_PLAYLIST) => recordings.is_empty(),
            ObjectName::OfStream(_) => !exists,
        });
        Ok(())
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

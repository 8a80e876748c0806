//! The viewers of each broadcast over time.

use std::time::{Duration, SystemTime};

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::stream::time;
use super::{Catalog, Result, VideoId, failed, millis};

/// Time from one place for a sample to the next.
pub(crate) const SAMPLE_PERIOD: Duration = Duration::from_secs(10);

/// A broadcast's viewers at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewerSample {
    /// Periods since the broadcast went live.
    pub(crate) slot: u32,
    pub(crate) viewers: u32,
    /// Milliseconds behind the source, of half of the players, and of all but one in twenty.
    pub(crate) latency_p50: Option<u32>,
    pub(crate) latency_p95: Option<u32>,
    /// Times that a picture stood still, since the broadcast began.
    pub(crate) stalls: u64,
    /// What its viewers were sent.
    pub(crate) bits_per_second: u64,
}

impl Catalog {
    /// Adds a sample to the broadcast that went live at `started`.
    pub(crate) async fn add_viewer_sample(
        &self,
        id: &VideoId,
        started: SystemTime,
        sample: &ViewerSample,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO viewer_samples (video_id, started_at, slot, viewers, latency_p50_ms, latency_p95_ms, \
             stalls, bits_per_second) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id.as_str())
        .bind(millis(started))
        .bind(i64::from(sample.slot))
        .bind(i64::from(sample.viewers))
        .bind(sample.latency_p50.map(i64::from))
        .bind(sample.latency_p95.map(i64::from))
        .bind(i64::try_from(sample.stalls).unwrap_or(i64::MAX))
        .bind(i64::try_from(sample.bits_per_second).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await
        .map_err(failed("add a sample of a stream's viewers"))?;
        Ok(())
    }

    /// Leaves a broadcast one sample in each `step` slots.
    pub(crate) async fn thin_viewer_samples(
        &self,
        id: &VideoId,
        started: SystemTime,
        step: u32,
    ) -> Result<()> {
        sqlx::query("DELETE FROM viewer_samples WHERE video_id = $1 AND started_at = $2 AND slot % $3 <> 0")
            .bind(id.as_str())
            .bind(millis(started))
            .bind(i64::from(step))
            .execute(&self.pool)
            .await
            .map_err(failed("thin the samples of a stream's viewers"))?;
        Ok(())
    }

    /// Leaves a stream the samples of its newest broadcasts.
    pub(crate) async fn keep_viewer_samples(&self, id: &VideoId, broadcasts: u32) -> Result<()> {
        sqlx::query(
            "DELETE FROM viewer_samples WHERE video_id = $1 AND started_at NOT IN (SELECT started_at FROM \
             (SELECT DISTINCT started_at FROM viewer_samples WHERE video_id = $1 \
             ORDER BY started_at DESC LIMIT $2) AS newest)",
        )
        .bind(id.as_str())
        .bind(i64::from(broadcasts))
        .execute(&self.pool)
        .await
        .map_err(failed("remove old samples of a stream's viewers"))?;
        Ok(())
    }

    /// The samples of a broadcast, in order.
    pub(crate) async fn viewer_samples(
        &self,
        id: &VideoId,
        started: SystemTime,
    ) -> Result<Vec<ViewerSample>> {
        let rows = sqlx::query(
            "SELECT slot, viewers, latency_p50_ms, latency_p95_ms, stalls, bits_per_second \
             FROM viewer_samples WHERE video_id = $1 AND started_at = $2 ORDER BY slot",
        )
        .bind(id.as_str())
        .bind(millis(started))
        .fetch_all(&self.pool)
        .await;
        rows.and_then(|rows| rows.iter().map(sample).collect())
            .map_err(failed("read the samples of a stream's viewers"))
    }

    /// When the newest broadcast that has samples went live.
    pub(crate) async fn last_sampled(&self, id: &VideoId) -> Result<Option<SystemTime>> {
        let started: Option<i64> =
            sqlx::query_scalar("SELECT MAX(started_at) FROM viewer_samples WHERE video_id = $1")
                .bind(id.as_str())
                .fetch_one(&self.pool)
                .await
                .map_err(failed("find the samples of a stream's viewers"))?;
        Ok(started.map(time))
    }
}

fn sample(row: &SqliteRow) -> sqlx::Result<ViewerSample> {
    let small = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    let large = |value: i64| u64::try_from(value).unwrap_or_default();
    Ok(ViewerSample {
        slot: small(row.try_get("slot")?),
        viewers: small(row.try_get("viewers")?),
        latency_p50: row.try_get::<Option<i64>, _>("latency_p50_ms")?.map(small),
        latency_p95: row.try_get::<Option<i64>, _>("latency_p95_ms")?.map(small),
        stalls: large(row.try_get("stalls")?),
        bits_per_second: large(row.try_get("bits_per_second")?),
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::catalog::StreamOptions;

    #[tokio::test]
    async fn samples_are_thinned_forgotten_and_removed_with_their_stream() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
        let started = |n: u64| UNIX_EPOCH + Duration::from_secs(1_000_000 + n);
        let sample = |slot| ViewerSample {
            slot,
            viewers: 3,
            latency_p50: Some(580),
            latency_p95: None,
            stalls: 1,
            bits_per_second: 9_000_000,
        };
        assert_eq!(catalog.last_sampled(&id).await.unwrap(), None);
        for (broadcast, slot) in [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)] {
            catalog.add_viewer_sample(&id, started(broadcast), &sample(slot)).await.unwrap();
        }
        assert_eq!(catalog.last_sampled(&id).await.unwrap(), Some(started(2)));
        catalog.thin_viewer_samples(&id, started(2), 2).await.unwrap();
        assert_eq!(catalog.viewer_samples(&id, started(2)).await.unwrap(), [0, 2, 4].map(sample));
        catalog.keep_viewer_samples(&id, 2).await.unwrap();
        assert_eq!(catalog.viewer_samples(&id, started(0)).await.unwrap(), []);
        assert_eq!(catalog.viewer_samples(&id, started(1)).await.unwrap(), [sample(0)]);
        catalog.delete(&id).await.unwrap();
        assert_eq!(catalog.last_sampled(&id).await.unwrap(), None);
    }
}

//! What the catalog says of the objects in the store: which it names, and which have had their time.

use std::collections::HashSet;
use std::time::SystemTime;

use hls_mux::MediaSequence;
use sqlx::Sqlite;
use sqlx::query::QueryAs;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use super::listed::{integer, natural};
use super::recording::COLUMNS;
use super::{Catalog, Recording, Result, VideoId, failed, millis};

const DAY_MS: i64 = 86_400_000;
/// Days that nobody waits for.
const FOR_EVER: i64 = 10_000_000;
/// A job for which a recording is kept beyond its time has been queued or taken since.
const JOB_KEEPS_FOR: i64 = 7 * DAY_MS;

/// Whether a recording is over, and for longer than its stream keeps it, or any stream may; of [`bind`]'s numbers.
pub(super) const EXPIRED: &str = "recordings.state IN ('READY', 'FAILED') \
    AND recordings.ended_at + $1 * (SELECT CASE WHEN streams.retention_days IS NULL OR streams.retention_days > $4 \
    THEN $4 ELSE streams.retention_days END FROM streams WHERE streams.video_id = recordings.video_id) <= $2 \
    AND NOT EXISTS (SELECT job_id FROM transcode_jobs WHERE transcode_jobs.video_id = recordings.video_id \
    AND transcode_jobs.number = recordings.number AND transcode_jobs.state IN ('QUEUED', 'RUNNING') \
    AND transcode_jobs.changed_at > $3)";

impl Catalog {
    /// What this catalog is called in its bucket.
    pub(crate) async fn identity(&self) -> Result<String> {
        let failed = || failed("read its name");
        sqlx::query(
            "INSERT INTO catalog_identity (id) SELECT $1 WHERE NOT EXISTS (SELECT id FROM catalog_identity)",
        )
        .bind(Uuid::now_v7().to_string())
        .execute(&self.pool)
        .await
        .map_err(failed())?;
        sqlx::query_scalar("SELECT MIN(id) FROM catalog_identity")
            .fetch_one(&self.pool)
            .await
            .map_err(failed())
    }

    /// Which of a stream's segments, from the first to the last, a playlist or a recording names.
    pub(crate) async fn named_segments(
        &self,
        id: &VideoId,
        first: MediaSequence,
        last: MediaSequence,
    ) -> Result<HashSet<MediaSequence>> {
        let named: Vec<i64> = sqlx::query_scalar(
            "SELECT sequence FROM kept_segments WHERE video_id = $1 AND sequence BETWEEN $2 AND $3 \
             UNION SELECT sequence FROM listed_segments WHERE video_id = $1 AND sequence BETWEEN $2 AND $3",
        )
        .bind(id.as_str())
        .bind(integer(first.get()))
        .bind(integer(last.get()))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("find the segments that are named"))?;
        Ok(named.into_iter().map(|number| MediaSequence::new(natural(number))).collect())
    }

    /// Whether a recording is being uploaded as this.
    pub(crate) async fn names_upload(&self, upload_id: &str) -> Result<bool> {
        let named: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM recordings WHERE upload_id = $1")
            .bind(upload_id)
            .fetch_one(&self.pool)
            .await
            .map_err(failed("find an upload"))?;
        Ok(named > 0)
    }

    /// The recordings that are over, and for longer than their streams keep them, or any stream may, in days.
    pub(crate) async fn expired_recordings(
        &self,
        now: SystemTime,
        most: Option<u32>,
    ) -> Result<Vec<Recording>> {
        let statement = format!("SELECT {COLUMNS} FROM recordings WHERE {EXPIRED}");
        bind(sqlx::query_as(sqlx::AssertSqlSafe(statement)), now, most)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("find the recordings that have had their time"))
    }
}

/// Gives a statement the first four numbers, which [`EXPIRED`] is about.
pub(super) fn bind<T>(
    statement: QueryAs<'_, Sqlite, T, SqliteArguments>,
    now: SystemTime,
    most: Option<u32>,
) -> QueryAs<'_, Sqlite, T, SqliteArguments> {
    statement
        .bind(DAY_MS)
        .bind(millis(now))
        .bind(millis(now) - JOB_KEEPS_FOR)
        .bind(most.map_or(FOR_EVER, i64::from))
}

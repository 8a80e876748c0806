//! Removes recordings from the catalog, and says what the store may have of them.

use std::time::SystemTime;

use hls_mux::MediaSequence;
use sqlx::Sqlite;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};

use super::listed::{integer, natural};
use super::recording_upload::forget_parts;
use super::retention::{self, EXPIRED};
use super::{Catalog, Recording, Result, VideoId, failed, sprite_sheets};

/// What the store may have of a recording that was removed, beside its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leavings {
    /// The file's upload in parts, if it was unfinished.
    pub(crate) upload_id: Option<String>,
    pub(crate) segments: Vec<MediaSequence>,
    /// Sheets of sprites, by the segments of their first tiles.
    pub(crate) sheets: Vec<MediaSequence>,
}

/// Removes a recording's row, and says what its first segment and its upload are.
type Delete<'a> = QueryAs<'a, Sqlite, (i64, Option<String>), SqliteArguments>;

impl Catalog {
    /// Removes a recording and what is known of its objects, and says which there are; `None` where there is none.
    pub(crate) async fn remove_recording(&self, recording: &Recording) -> Result<Option<Leavings>> {
        let delete = sqlx::query_as(
            "DELETE FROM recordings WHERE video_id = $1 AND number = $2 RETURNING first_sequence, upload_id",
        );
        let delete = delete.bind(recording.video_id.as_str()).bind(i64::from(recording.number));
        self.remove(recording, delete).await
    }

    /// The same, where the recording has still had its time, as
    /// [`expired_recordings`](Self::expired_recordings) finds those that have.
    pub(crate) async fn remove_expired(
        &self,
        recording: &Recording,
        now: SystemTime,
        most: Option<u32>,
    ) -> Result<Option<Leavings>> {
        let delete = format!(
            "DELETE FROM recordings WHERE {EXPIRED} AND video_id = $5 AND number = $6 \
             RETURNING first_sequence, upload_id"
        );
        let delete = retention::bind(sqlx::query_as(sqlx::AssertSqlSafe(delete)), now, most);
        let delete = delete.bind(recording.video_id.as_str()).bind(i64::from(recording.number));
        self.remove(recording, delete).await
    }

    /// Removes the recording's row by `delete`, and then what belongs to it.
    async fn remove(&self, recording: &Recording, delete: Delete<'_>) -> Result<Option<Leavings>> {
        let failed = || failed("remove a recording");
        let (id, number) = (&recording.video_id, i64::from(recording.number));
        // What is to be removed comes first: a transaction that reads before it writes is refused, rather than made to
        // wait, where another one has written in between.
        let mut all = self.pool.begin().await.map_err(failed())?;
        let removed = delete.fetch_optional(&mut *all).await.map_err(failed())?;
        let Some((first, upload_id)) = removed else { return Ok(None) };
        forget_parts(&mut all, id, recording.number).await.map_err(failed())?;
        sqlx::query("DELETE FROM transcode_jobs WHERE video_id = $1 AND number = $2")
            .bind(id.as_str())
            .bind(number)
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        let (segments, sheets) = forget_objects(&mut all, id, number, first).await.map_err(failed())?;
        all.commit().await.map_err(failed())?;
        Ok(Some(Leavings { upload_id, segments, sheets }))
    }

    /// What was stored of a recording's broadcast after the recording was removed; forgets that, too.
    pub(crate) async fn forget_late(&self, recording: &Recording) -> Result<Leavings> {
        let failed = || failed("forget what was kept of a removed recording");
        let (id, number) = (&recording.video_id, i64::from(recording.number));
        let mut all = self.pool.begin().await.map_err(failed())?;
        let forgotten = forget_objects(&mut all, id, number, integer(recording.first.get())).await;
        let (segments, sheets) = forgotten.map_err(failed())?;
        all.commit().await.map_err(failed())?;
        Ok(Leavings { upload_id: None, segments, sheets })
    }

    /// Forgets the recordings of a stream.
    pub(super) async fn forget_recordings(&self, id: &VideoId) -> Result<()> {
        for statement in [
            "DELETE FROM recordings WHERE video_id = $1",
            "DELETE FROM recording_parts WHERE video_id = $1",
            "DELETE FROM transcode_jobs WHERE video_id = $1",
            "DELETE FROM sprite_sheets WHERE video_id = $1",
            "DELETE FROM kept_segments WHERE video_id = $1",
        ] {
            let forgotten = sqlx::query(statement).bind(id.as_str()).execute(&self.pool).await;
            forgotten.map_err(failed("forget a stream's recordings"))?;
        }
        Ok(())
    }
}

/// Forgets the segments and the sheets of a recording, from its first segment to where the next recording begins, and says
/// which the store may have.
async fn forget_objects(
    all: &mut SqliteConnection,
    id: &VideoId,
    number: i64,
    first: i64,
) -> sqlx::Result<(Vec<MediaSequence>, Vec<MediaSequence>)> {
    let kept: Vec<(i64, bool)> = sqlx::query_as(
        "DELETE FROM kept_segments WHERE video_id = $1 AND sequence >= $2 AND sequence < COALESCE( \
         (SELECT MIN(first_sequence) FROM recordings WHERE video_id = $1 AND number > $3), $4) \
         RETURNING sequence, gap",
    )
    .bind(id.as_str())
    .bind(first)
    .bind(number)
    .bind(i64::MAX)
    .fetch_all(&mut *all)
    .await?;
    let before: Option<i64> =
        sqlx::query_scalar("SELECT MIN(first_sequence) FROM recordings WHERE video_id = $1 AND number > $2")
            .bind(id.as_str())
            .bind(number)
            .fetch_one(&mut *all)
            .await?;
    let sheets = sprite_sheets::forget(all, id, first, before.unwrap_or(i64::MAX)).await?;
    let stored = kept.into_iter().filter(|(_, gap)| !gap);
    Ok((stored.map(|(sequence, _)| MediaSequence::new(natural(sequence))).collect(), sheets))
}

//! The recordings: which broadcasts leave a file, and how far that is.

use std::time::SystemTime;

use hls_mux::MediaSequence;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::listed::integer;
use super::recording::COLUMNS;
use super::recording_upload::forget_parts;
use super::{Catalog, RecordedFile, Recording, Result, VideoId, events, failed, millis, transcode_jobs};
use crate::events::EventType;

impl Catalog {
    /// Whether a stream's broadcast is being recorded; also if its file has failed, its segments are kept.
    pub(crate) async fn is_recording(&self, id: &VideoId) -> Result<bool> {
        let recording: Option<i64> = sqlx::query_scalar(
            "SELECT number FROM recordings WHERE video_id = $1 AND ended_at IS NULL LIMIT 1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find a recording"))?;
        Ok(recording.is_some())
    }

    /// A stream's recordings, newest first.
    pub(crate) async fn recordings_of(&self, id: &VideoId) -> Result<Vec<Recording>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE video_id = $1 ORDER BY number DESC"
        )))
        .bind(id.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list a stream's recordings"))
    }

    /// A stream's newest recording.
    pub(crate) async fn newest_recording(&self, id: &VideoId) -> Result<Option<Recording>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE video_id = $1 ORDER BY number DESC LIMIT 1"
        )))
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find a stream's newest recording"))
    }

    /// The newest recording of each stream that has any.
    pub(crate) async fn newest_recordings(&self) -> Result<Vec<Recording>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE number = \
             (SELECT MAX(number) FROM recordings AS newest WHERE newest.video_id = recordings.video_id)"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the newest recordings"))
    }

    /// One recording.
    pub(crate) async fn recording(&self, id: &VideoId, number: u32) -> Result<Option<Recording>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE video_id = $1 AND number = $2"
        )))
        .bind(id.as_str())
        .bind(i64::from(number))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("read a recording"))
    }

    /// The recordings whose files aren't there yet, and may be.
    pub(crate) async fn unfinished_recordings(&self) -> Result<Vec<Recording>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE state IN ('RECORDING', 'FINISHING') ORDER BY started_at"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the unfinished recordings"))
    }

    /// An attempt to make a recording's file failed; there will be another one.
    pub(crate) async fn recording_trouble(&self, recording: &Recording, reason: &str) -> Result<()> {
        sqlx::query(
            "UPDATE recordings SET attempts = attempts + 1, reason = $3 WHERE video_id = $1 AND number = $2",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(reason)
        .execute(&self.pool)
        .await
        .map_err(failed("keep a recording's trouble"))?;
        Ok(())
    }

    /// A recording's file is there, as its broadcast is over, and to be converted where its stream says so; `false` if the
    /// recording was removed meanwhile.
    pub(crate) async fn recording_ready(
        &self,
        recording: &Recording,
        file: &RecordedFile,
        key: &str,
    ) -> Result<bool> {
        let failed = || failed("mark a recording ready");
        let mut change = self.begin().await?;
        let marked = sqlx::query(
            "UPDATE recordings SET state = 'READY', upload_id = NULL, bytes = $3, duration = $4, codecs = $5, \
             index_is_last = $6, reason = NULL, ended_at = COALESCE(ended_at, $7) \
             WHERE video_id = $1 AND number = $2",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(integer(file.bytes))
        .bind(file.duration.ticks())
        .bind(&file.codecs)
        .bind(file.index_is_last)
        .bind(millis(SystemTime::now()))
        .execute(&mut *change)
        .await
        .map_err(failed())?;
        if marked.rows_affected() == 0 {
            return Ok(false);
        }
        forget_parts(&mut change, &recording.video_id, recording.number).await.map_err(failed())?;
        let data = json!({
            "number": recording.number,
            "key": key,
            "size": file.bytes,
            "duration": file.duration.as_secs_f64(),
        });
        let ready = events::append(&mut change, EventType::RecordingReady, &recording.video_id, data).await?;
        let queued = match transcode_jobs::are_wanted(&mut change, &recording.video_id).await? {
            true => transcode_jobs::queue(&mut change, recording, file, key).await?,
            false => None,
        };
        self.commit(change, queued.unwrap_or(ready)).await?;
        Ok(true)
    }

    /// There will be no file of a recording.
    pub(crate) async fn recording_failed(&self, recording: &Recording, reason: &str) -> Result<()> {
        let failed = || failed("mark a recording failed");
        let mut change = self.begin().await?;
        sqlx::query(
            "UPDATE recordings SET state = 'FAILED', upload_id = NULL, reason = $3 \
             WHERE video_id = $1 AND number = $2",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(reason)
        .execute(&mut *change)
        .await
        .map_err(failed())?;
        forget_parts(&mut change, &recording.video_id, recording.number).await.map_err(failed())?;
        let data = json!({ "number": recording.number, "reason": reason });
        let event =
            events::append(&mut change, EventType::RecordingFailed, &recording.video_id, data).await?;
        self.commit(change, event).await
    }
}

/// The broadcast of a stream is recorded, from a segment on.
pub(super) async fn begin(
    change: &mut SqliteConnection,
    id: &VideoId,
    first: MediaSequence,
    at: SystemTime,
) -> Result<()> {
    let failed = || failed("begin a recording");
    // Counted, rather than found among those that are left: a number names a file, and no name is used twice.
    sqlx::query("UPDATE streams SET last_recording = last_recording + 1 WHERE video_id = $1")
        .bind(id.as_str())
        .execute(&mut *change)
        .await
        .map_err(failed())?;
    sqlx::query(
        "INSERT INTO recordings (video_id, number, first_sequence, state, started_at) \
         SELECT video_id, last_recording, $2, 'RECORDING', $3 FROM streams WHERE video_id = $1",
    )
    .bind(id.as_str())
    .bind(integer(first.get()))
    .bind(millis(at))
    .execute(change)
    .await
    .map_err(failed())?;
    Ok(())
}

/// The broadcast of a stream is over, and its playlist is about to be forgotten. Its recording may have failed before.
pub(super) async fn end(change: &mut SqliteConnection, id: &VideoId, at: SystemTime) -> Result<()> {
    sqlx::query(
        "UPDATE recordings SET state = CASE state WHEN 'RECORDING' THEN 'FINISHING' ELSE state END, ended_at = $2, \
         segment_duration = (SELECT segment_duration FROM playlists WHERE video_id = $1), \
         independent = COALESCE((SELECT independent FROM playlists WHERE video_id = $1), TRUE) \
         WHERE video_id = $1 AND ended_at IS NULL",
    )
    .bind(id.as_str())
    .bind(millis(at))
    .execute(change)
    .await
    .map_err(failed("end a recording"))?;
    Ok(())
}

#[cfg(test)]
mod tests;

//! The recordings: which broadcasts leave a file, and how far that is.

use std::time::SystemTime;

use hls_mux::MediaSequence;
use media::MediaDuration;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uploader::Part;

use super::listed::{integer, natural};
use super::stream::time;
use super::{Catalog, Result, VideoId, events, failed, millis};
use crate::events::EventType;

/// What is kept of one broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) video_id: VideoId,
    /// Its place among the stream's recordings, from 1.
    pub(crate) number: u32,
    /// Its segments are those from there on …
    pub(crate) first: MediaSequence,
    pub(crate) state: RecordingState,
    pub(crate) started_at: SystemTime,
    /// When its broadcast was over.
    pub(crate) ended_at: Option<SystemTime>,
    pub(crate) upload_id: Option<String>,
    /// What the file is, once it is ready.
    pub(crate) file: Option<RecordedFile>,
    /// Attempts that failed, and why the last did.
    pub(crate) attempts: u32,
    pub(crate) reason: Option<String>,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RecordingState {
    /// Its broadcast is on air.
    Recording,
    /// Its broadcast is over; the file is being completed.
    Finishing,
    /// The file is there.
    Ready,
    /// There will be no file; the reason says why.
    Failed,
}

/// A recording's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedFile {
    pub(crate) bytes: u64,
    pub(crate) duration: MediaDuration,
    /// Their names, a comma between them.
    pub(crate) codecs: String,
    /// Its index is behind the media.
    pub(crate) index_is_last: bool,
}

/// A part that the store has, and the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedPart {
    pub(crate) part: Part,
    pub(crate) digest: String,
}

const COLUMNS: &str = "video_id, number, first_sequence, state, started_at, ended_at, upload_id, bytes, duration, \
                       codecs, index_is_last, attempts, reason";

impl Catalog {
    /// Whether a stream's broadcast is being recorded.
    pub(crate) async fn is_recording(&self, id: &VideoId) -> Result<bool> {
        let recording: Option<i64> =
            sqlx::query_scalar("SELECT number FROM recordings WHERE video_id = $1 AND state = 'RECORDING'")
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

    /// The first segment that belongs to a later recording than this one.
    pub(crate) async fn end_of_recording(&self, recording: &Recording) -> Result<Option<MediaSequence>> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(first_sequence) FROM recordings WHERE video_id = $1 AND number > $2",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .fetch_one(&self.pool)
        .await
        .map_err(failed("find a recording's end"))?;
        Ok(next.map(|next| MediaSequence::new(natural(next))))
    }

    /// The parts of a recording's file that the store has.
    pub(crate) async fn sealed_parts(&self, recording: &Recording) -> Result<Vec<SealedPart>> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT part, etag, digest FROM recording_parts WHERE video_id = $1 AND number = $2 ORDER BY part",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read a recording's parts"))?;
        let sealed = |(part, etag, digest): (i64, String, String)| {
            let number = u32::try_from(part).unwrap_or_default();
            SealedPart { part: Part { number, etag }, digest }
        };
        Ok(rows.into_iter().map(sealed).collect())
    }

    /// A recording's file is uploaded anew, in parts; `None` where it is not, or no more.
    pub(crate) async fn begin_upload(&self, recording: &Recording, upload_id: Option<&str>) -> Result<()> {
        let failed = || failed("begin a recording's upload");
        let mut all = self.pool.begin().await.map_err(failed())?;
        sqlx::query("DELETE FROM recording_parts WHERE video_id = $1 AND number = $2")
            .bind(recording.video_id.as_str())
            .bind(i64::from(recording.number))
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        sqlx::query("UPDATE recordings SET upload_id = $3 WHERE video_id = $1 AND number = $2")
            .bind(recording.video_id.as_str())
            .bind(i64::from(recording.number))
            .bind(upload_id)
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        all.commit().await.map_err(failed())
    }

    /// The store has a part.
    pub(crate) async fn seal_part(&self, recording: &Recording, sealed: &SealedPart) -> Result<()> {
        sqlx::query(
            "INSERT INTO recording_parts (video_id, number, part, etag, digest) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (video_id, number, part) DO UPDATE SET etag = excluded.etag, digest = excluded.digest",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(i64::from(sealed.part.number))
        .bind(&sealed.part.etag)
        .bind(&sealed.digest)
        .execute(&self.pool)
        .await
        .map_err(failed("keep a recording's part"))?;
        Ok(())
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

    /// A recording's file is there.
    pub(crate) async fn recording_ready(
        &self,
        recording: &Recording,
        file: &RecordedFile,
        key: &str,
    ) -> Result<()> {
        let failed = || failed("mark a recording ready");
        let mut change = self.begin().await?;
        sqlx::query(
            "UPDATE recordings SET state = 'READY', upload_id = NULL, bytes = $3, duration = $4, codecs = $5, \
             index_is_last = $6, reason = NULL WHERE video_id = $1 AND number = $2",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(integer(file.bytes))
        .bind(file.duration.ticks())
        .bind(&file.codecs)
        .bind(file.index_is_last)
        .execute(&mut *change)
        .await
        .map_err(failed())?;
        forget_parts(&mut change, &recording.video_id, recording.number).await.map_err(failed())?;
        let data = json!({
            "number": recording.number,
            "key": key,
            "size": file.bytes,
            "duration": file.duration.as_secs_f64(),
        });
        let event = events::append(&mut change, EventType::RecordingReady, &recording.video_id, data).await?;
        self.commit(change, event).await
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

    /// Removes a recording and what is known of its segments; `false` where there is none.
    pub(crate) async fn remove_recording(
        &self,
        recording: &Recording,
        before: Option<MediaSequence>,
    ) -> Result<bool> {
        let failed = || failed("remove a recording");
        let mut all = self.pool.begin().await.map_err(failed())?;
        let (id, number) = (&recording.video_id, i64::from(recording.number));
        let removed = sqlx::query("DELETE FROM recordings WHERE video_id = $1 AND number = $2")
            .bind(id.as_str())
            .bind(number)
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        forget_parts(&mut all, id, recording.number).await.map_err(failed())?;
        sqlx::query("DELETE FROM kept_segments WHERE video_id = $1 AND sequence >= $2 AND sequence < $3")
            .bind(id.as_str())
            .bind(integer(recording.first.get()))
            .bind(before.map_or(i64::MAX, |before| integer(before.get())))
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        all.commit().await.map_err(failed())?;
        Ok(removed.rows_affected() > 0)
    }
}

impl Catalog {
    /// Forgets the recordings of a stream.
    pub(super) async fn forget_recordings(&self, id: &VideoId) -> Result<()> {
        for statement in [
            "DELETE FROM recordings WHERE video_id = $1",
            "DELETE FROM recording_parts WHERE video_id = $1",
            "DELETE FROM kept_segments WHERE video_id = $1",
        ] {
            let forgotten = sqlx::query(statement).bind(id.as_str()).execute(&self.pool).await;
            forgotten.map_err(failed("forget a stream's recordings"))?;
        }
        Ok(())
    }
}

/// The broadcast of a stream is recorded, from a segment on.
pub(super) async fn begin(
    change: &mut SqliteConnection,
    id: &VideoId,
    first: MediaSequence,
    at: SystemTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO recordings (video_id, number, first_sequence, state, started_at) \
         VALUES ($1, 1 + COALESCE((SELECT MAX(number) FROM recordings WHERE video_id = $1), 0), $2, 'RECORDING', $3)",
    )
    .bind(id.as_str())
    .bind(integer(first.get()))
    .bind(millis(at))
    .execute(change)
    .await
    .map_err(failed("begin a recording"))?;
    Ok(())
}

/// The broadcast of a stream is over, and its playlist is about to be forgotten.
pub(super) async fn end(change: &mut SqliteConnection, id: &VideoId, at: SystemTime) -> Result<()> {
    sqlx::query(
        "UPDATE recordings SET state = 'FINISHING', ended_at = $2, \
         segment_duration = (SELECT segment_duration FROM playlists WHERE video_id = $1), \
         independent = COALESCE((SELECT independent FROM playlists WHERE video_id = $1), TRUE) \
         WHERE video_id = $1 AND state = 'RECORDING'",
    )
    .bind(id.as_str())
    .bind(millis(at))
    .execute(change)
    .await
    .map_err(failed("end a recording"))?;
    Ok(())
}

async fn forget_parts(all: &mut SqliteConnection, id: &VideoId, number: u32) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM recording_parts WHERE video_id = $1 AND number = $2")
        .bind(id.as_str())
        .bind(i64::from(number))
        .execute(all)
        .await
        .map(|_| ())
}

impl RecordingState {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "RECORDING" => Some(Self::Recording),
            "FINISHING" => Some(Self::Finishing),
            "READY" => Some(Self::Ready),
            "FAILED" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl sqlx::FromRow<'_, SqliteRow> for Recording {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let decode = |index: &str, text: String| sqlx::Error::ColumnDecode {
            index: index.to_owned(),
            source: format!("{text:?} is not what a recording can have").into(),
        };
        let (id, state): (String, String) = (row.try_get("video_id")?, row.try_get("state")?);
        let bytes: Option<i64> = row.try_get("bytes")?;
        let duration: Option<i64> = row.try_get("duration")?;
        let codecs: Option<String> = row.try_get("codecs")?;
        let index_is_last = row.try_get("index_is_last")?;
        let file = bytes.zip(duration).map(|(bytes, duration)| RecordedFile {
            bytes: natural(bytes),
            duration: MediaDuration::from_ticks(duration),
            codecs: codecs.unwrap_or_default(),
            index_is_last,
        });
        let small = |number: i64| u32::try_from(number).unwrap_or_default();
        Ok(Self {
            video_id: VideoId::parse(&id).ok_or_else(|| decode("video_id", id))?,
            number: small(row.try_get("number")?),
            first: MediaSequence::new(natural(row.try_get("first_sequence")?)),
            state: RecordingState::parse(&state).ok_or_else(|| decode("state", state))?,
            started_at: time(row.try_get("started_at")?),
            ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(time),
            upload_id: row.try_get("upload_id")?,
            file,
            attempts: small(row.try_get("attempts")?),
            reason: row.try_get("reason")?,
        })
    }
}

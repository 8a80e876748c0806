//! The jobs for the application's transcode workflow: which recordings are to be converted, and how far that is.

use std::time::SystemTime;

use media::MediaDuration;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::listed::{integer, natural};
use super::stream::time;
use super::{Catalog, RecordedFile, Recording, Result, VideoId, events, failed, millis};
use crate::events::EventType;

/// A recording that the application is to convert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TranscodeJob {
    pub(crate) id: String,
    pub(crate) video_id: VideoId,
    /// The recording's.
    pub(crate) number: u32,
    pub(crate) state: JobState,
    /// The recording's file in the bucket.
    pub(crate) input_key: String,
    pub(crate) bytes: u64,
    pub(crate) duration: MediaDuration,
    pub(crate) created_at: SystemTime,
    pub(crate) changed_at: SystemTime,
    /// Why it failed, in the application's words.
    pub(crate) reason: Option<String>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum JobState {
    /// Nobody has taken it.
    Queued,
    /// Somebody has.
    Running,
    /// It is converted.
    Done,
    /// It was given up.
    Failed,
}

const COLUMNS: &str =
    "job_id, video_id, number, state, input_key, bytes, duration, created_at, changed_at, reason";

impl Catalog {
    /// The oldest jobs first, of a state or of all, `limit` at most.
    pub(crate) async fn transcode_jobs(
        &self,
        state: Option<JobState>,
        limit: u32,
    ) -> Result<Vec<TranscodeJob>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM transcode_jobs WHERE $1 IS NULL OR state = $1 \
             ORDER BY created_at, job_id LIMIT $2"
        )))
        .bind(state.map(JobState::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the transcode jobs"))
    }

    /// One job.
    pub(crate) async fn transcode_job(&self, id: &str) -> Result<Option<TranscodeJob>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM transcode_jobs WHERE job_id = $1")))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a transcode job"))
    }

    /// The job of a recording.
    pub(crate) async fn transcode_job_of(
        &self,
        id: &VideoId,
        recording: u32,
    ) -> Result<Option<TranscodeJob>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM transcode_jobs WHERE video_id = $1 AND number = $2"
        )))
        .bind(id.as_str())
        .bind(i64::from(recording))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("read a recording's transcode job"))
    }

    /// Queues a job for a recording whose file is there, unless one is queued or running.
    pub(crate) async fn convert(&self, recording: &Recording, file: &RecordedFile, key: &str) -> Result<()> {
        let mut change = self.begin().await?;
        match queue(&mut change, recording, file, key).await? {
            Some(event) => self.commit(change, event).await,
            None => Ok(()),
        }
    }

    /// Moves a job from one of its states to another; `false` where it is not in that state (any more).
    pub(crate) async fn move_job(
        &self,
        id: &str,
        from: JobState,
        to: JobState,
        reason: Option<&str>,
    ) -> Result<bool> {
        let moved = sqlx::query(
            "UPDATE transcode_jobs SET state = $3, reason = $4, changed_at = $5 \
             WHERE job_id = $1 AND state = $2",
        )
        .bind(id)
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(reason)
        .bind(millis(SystemTime::now()))
        .execute(&self.pool)
        .await
        .map_err(failed("move a transcode job"))?;
        Ok(moved.rows_affected() > 0)
    }
}

/// Queues a recording's job, and tells of it, in a change that is being made; the event's number. `None`
/// where the job is queued already, or running, or the recording is gone.
pub(super) async fn queue(
    change: &mut Transaction<'_, Sqlite>,
    recording: &Recording,
    file: &RecordedFile,
    key: &str,
) -> Result<Option<i64>> {
    let queued: Option<String> = sqlx::query_scalar(
        "INSERT INTO transcode_jobs \
         (job_id, video_id, number, state, input_key, bytes, duration, created_at, changed_at) \
         SELECT $1, video_id, number, 'QUEUED', $4, $5, $6, $7, $7 FROM recordings \
         WHERE video_id = $2 AND number = $3 AND state = 'READY' \
         ON CONFLICT (video_id, number) DO UPDATE SET state = 'QUEUED', reason = NULL, \
         changed_at = excluded.changed_at WHERE transcode_jobs.state IN ('DONE', 'FAILED') RETURNING job_id",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(recording.video_id.as_str())
    .bind(i64::from(recording.number))
    .bind(key)
    .bind(integer(file.bytes))
    .bind(file.duration.ticks())
    .bind(millis(SystemTime::now()))
    .fetch_optional(&mut **change)
    .await
    .map_err(failed("queue a transcode job"))?;
    let Some(job_id) = queued else { return Ok(None) };
    let data = json!({
        "jobId": job_id,
        "number": recording.number,
        "inputKey": key,
        "size": file.bytes,
        "duration": file.duration.as_secs_f64(),
    });
    events::append(change, EventType::TranscodeQueued, &recording.video_id, data).await.map(Some)
}

/// Whether a stream's recordings get a job as soon as they are ready.
pub(super) async fn are_wanted(change: &mut Transaction<'_, Sqlite>, id: &VideoId) -> Result<bool> {
    let wanted: Option<bool> = sqlx::query_scalar("SELECT convert_to_vod FROM streams WHERE video_id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut **change)
        .await
        .map_err(failed("read a stream's option"))?;
    Ok(wanted.unwrap_or_default())
}

impl JobState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Done, Self::Failed].into_iter().find(|s| s.as_str() == text)
    }
}

impl sqlx::FromRow<'_, SqliteRow> for TranscodeJob {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let decode = |index: &str, text: String| sqlx::Error::ColumnDecode {
            index: index.to_owned(),
            source: format!("{text:?} is not what a transcode job can have").into(),
        };
        let (id, state): (String, String) = (row.try_get("video_id")?, row.try_get("state")?);
        Ok(Self {
            id: row.try_get("job_id")?,
            video_id: VideoId::parse(&id).ok_or_else(|| decode("video_id", id))?,
            number: u32::try_from(row.try_get::<i64, _>("number")?).unwrap_or_default(),
            state: JobState::parse(&state).ok_or_else(|| decode("state", state))?,
            input_key: row.try_get("input_key")?,
            bytes: natural(row.try_get("bytes")?),
            duration: MediaDuration::from_ticks(row.try_get("duration")?),
            created_at: time(row.try_get("created_at")?),
            changed_at: time(row.try_get("changed_at")?),
            reason: row.try_get("reason")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::{EndReason, Status, StreamOptions};
    use hls_mux::MediaSequence;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn file() -> RecordedFile {
        RecordedFile {
            bytes: 1000,
            duration: MediaDuration::from_secs(3),
            codecs: "h264,aac".into(),
            index_is_last: false,
        }
    }

    async fn recorded(catalog: &Catalog, options: StreamOptions) -> Recording {
        let id = catalog.create("", options).await.unwrap().video_id;
        catalog.went_live(&id, SystemTime::now(), Some(MediaSequence::new(0))).await.unwrap();
        let reason = EndReason { code: "stopped".into(), message: String::new() };
        catalog.ended(&id, Status::Ready, &reason).await.unwrap();
        let recording = catalog.recording(&id, 1).await.unwrap().unwrap();
        catalog.recording_ready(&recording, &file(), "recordings/a.mp4").await.unwrap();
        recording
    }

    #[tokio::test]
    async fn a_recording_has_one_job_that_one_worker_takes() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        let recording = recorded(&catalog, StreamOptions::default()).await;
        assert_eq!(catalog.transcode_jobs(None, 10).await.unwrap(), []);
        for _ in 0..2 {
            catalog.convert(&recording, &file(), "recordings/a.mp4").await.unwrap();
        }
        let jobs = catalog.transcode_jobs(Some(JobState::Queued), 10).await.unwrap();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        let id = &jobs[0].id;
        assert!(catalog.move_job(id, JobState::Queued, JobState::Running, None).await.unwrap());
        assert!(
            !catalog.move_job(id, JobState::Queued, JobState::Running, None).await.unwrap(),
            "took twice"
        );
        catalog.convert(&recording, &file(), "recordings/a.mp4").await.unwrap();
        assert_eq!(catalog.transcode_job(id).await.unwrap().unwrap().state, JobState::Running);
        assert!(catalog.move_job(id, JobState::Running, JobState::Failed, Some("no disk")).await.unwrap());
        catalog.convert(&recording, &file(), "recordings/a.mp4").await.unwrap();
        let again = catalog.transcode_job(id).await.unwrap().unwrap();
        assert_eq!((again.state, again.reason), (JobState::Queued, None));
        let told = catalog.events_of(&recording.video_id, 10).await.unwrap();
        assert_eq!(told.iter().filter(|event| event.kind == "transcode.queued").count(), 2);
        catalog.remove_recording(&recording).await.unwrap();
        assert_eq!(catalog.transcode_job(id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_open_job_keeps_its_recording_for_a_week() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        let options =
            StreamOptions { convert_to_vod: true, retention_days: Some(0), ..StreamOptions::default() };
        let recording = recorded(&catalog, options).await;
        let expired = async |after| {
            let found = catalog.expired_recordings(SystemTime::now() + after, None).await.unwrap();
            found.len()
        };
        assert_eq!((expired(DAY).await, expired(8 * DAY).await), (0, 1));
        let job = catalog.transcode_job_of(&recording.video_id, 1).await.unwrap().unwrap();
        for (from, to) in [(JobState::Queued, JobState::Running), (JobState::Running, JobState::Done)] {
            assert_eq!(expired(DAY).await, 0);
            assert!(catalog.move_job(&job.id, from, to, None).await.unwrap());
        }
        assert_eq!(expired(DAY).await, 1);
    }
}

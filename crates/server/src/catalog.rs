//! The database of streams.
//!
//! One interface over sqlx. The statements are portable (numbered parameters, no dialect), so
//! that PostgreSQL can stand beside SQLite without a second set of them.

mod events;
mod listed;
mod options;
mod recording;
mod recording_removal;
mod recording_upload;
mod recordings;
mod retention;
mod rewind;
mod sprite_sheets;
mod stream;
mod transcode_jobs;
mod viewer_samples;
mod webhooks;

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hls_mux::MediaSequence;
use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::watch;

pub(crate) use listed::Listed;
pub use options::{LatencyMode, SecondPublisher, StreamOptions};
pub(crate) use options::{MAX_DVR_WINDOW, MAX_RECONNECT_WINDOW, MAX_RETENTION_DAYS};
pub(crate) use recording::{RecordedFile, Recording, RecordingState};
pub(crate) use recording_removal::Leavings;
pub(crate) use recording_upload::SealedPart;
pub(crate) use sprite_sheets::SpriteSheet;
pub(crate) use stream::{EndReason, Status, Stream, VideoId, is_id};
pub(crate) use transcode_jobs::{JobState, TranscodeJob};
pub(crate) use viewer_samples::{SAMPLE_PERIOD, ViewerSample};

use crate::config::Secret;
use crate::events::EventType;
use crate::stream_key;

/// The database of streams. A clone shares the connections.
#[derive(Clone)]
pub(crate) struct Catalog {
    pool: SqlitePool,
    /// The number of the newest event.
    newest: watch::Sender<i64>,
}

/// A catalog operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database could not be opened.
    #[error("cannot open the catalog {url}: {source}")]
    Open {
        /// Where it should be.
        url: String,
        /// What sqlx said.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the catalog's schema up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the catalog cannot {operation}: {source}")]
    Statement {
        /// What was being done.
        operation: &'static str,
        /// What sqlx said.
        source: sqlx::Error,
    },
}

type Result<T> = std::result::Result<T, CatalogError>;

fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> CatalogError {
    move |source| CatalogError::Statement { operation, source }
}

const COLUMNS: &str = "video_id, title, stream_key, armed, status, created_at, started_at, ended_at, \
                       end_code, end_message, record, reconnect_window_s, second_publisher, latency_mode, \
                       retention_days, dvr_window_s, convert_to_vod";

impl Catalog {
    /// Opens the database, makes it if it isn't there, and brings its schema up to date.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let open = |source| CatalogError::Open { url: url.to_owned(), source };
        // A write-ahead log with full sync survives a power cut; a stream writes a few rows a minute.
        let options = SqliteConnectOptions::from_str(url)
            .map_err(open)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(open)?;
        sqlx::migrate!().run(&pool).await?;
        let newest = watch::Sender::new(events::newest(&pool).await?);
        Ok(Self { pool, newest })
    }

    /// Writes back what is pending and closes the connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// A statement that any working catalog answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map_err(failed("answer"))?;
        Ok(())
    }

    /// Adds a stream with a key of its own, armed, `PENDING`.
    pub(crate) async fn create(&self, title: &str, options: StreamOptions) -> Result<Stream> {
        let stream = Stream::new(title, options, SystemTime::now());
        let mut change = self.begin().await?;
        sqlx::query(
            "INSERT INTO streams (video_id, title, stream_key, stream_key_hash, armed, status, created_at, \
             record, reconnect_window_s, second_publisher, latency_mode, retention_days, dvr_window_s, \
             convert_to_vod) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(stream.video_id.as_str())
        .bind(&stream.title)
        .bind(&stream.stream_key.0)
        .bind(stream_key::hash(&stream.stream_key.0))
        .bind(stream.armed)
        .bind(stream.status.as_str())
        .bind(millis(stream.created_at))
        .bind(stream.options.record)
        .bind(i64::from(stream.options.reconnect_window))
        .bind(stream.options.second_publisher.as_str())
        .bind(stream.options.latency_mode.as_str())
        .bind(stream.options.retention_days.map(i64::from))
        .bind(stream.options.dvr_window.map(i64::from))
        .bind(stream.options.convert_to_vod)
        .execute(&mut *change)
        .await
        .map_err(failed("add a stream"))?;
        let data = json!({ "title": stream.title });
        let event = events::append(&mut change, EventType::StreamCreated, &stream.video_id, data).await?;
        self.commit(change, event).await?;
        Ok(stream)
    }

    /// Changes a stream's title and options; `false` where there is no such stream.
    pub(crate) async fn change(&self, id: &VideoId, title: &str, options: &StreamOptions) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE streams SET title = $2, record = $3, reconnect_window_s = $4, second_publisher = $5, \
             latency_mode = $6, retention_days = $7, dvr_window_s = $8, convert_to_vod = $9 \
             WHERE video_id = $1",
        )
        .bind(id.as_str())
        .bind(title)
        .bind(options.record)
        .bind(i64::from(options.reconnect_window))
        .bind(options.second_publisher.as_str())
        .bind(options.latency_mode.as_str())
        .bind(options.retention_days.map(i64::from))
        .bind(options.dvr_window.map(i64::from))
        .bind(options.convert_to_vod)
        .execute(&self.pool)
        .await
        .map_err(failed("change a stream"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The newest streams first, `limit` at most, of those made before `before`. Their names are in the order in which they
    /// were made, so that one that is gone still has its place.
    pub(crate) async fn list(&self, limit: u32, before: Option<&str>) -> Result<Vec<Stream>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM streams WHERE $1 IS NULL OR video_id < $1 ORDER BY video_id DESC LIMIT $2"
        )))
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the streams"))
    }

    /// One stream.
    pub(crate) async fn get(&self, id: &VideoId) -> Result<Option<Stream>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM streams WHERE video_id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a stream"))
    }

    /// The stream that `key` publishes to.
    pub(crate) async fn find_by_key(&self, key: &str) -> Result<Option<Stream>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM streams WHERE stream_key_hash = $1"
        )))
        .bind(stream_key::hash(key))
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look a stream key up"))
    }

    /// Disarms a stream: nothing is broadcast until it is armed again. `false` where there is no such stream.
    pub(crate) async fn disarm(&self, id: &VideoId) -> Result<bool> {
        let done = sqlx::query("UPDATE streams SET armed = FALSE WHERE video_id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await
            .map_err(failed("disarm a stream"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Arms a stream to be played from `source`, or by its encoder where that is `None`; `false` where
    /// there is no such stream.
    pub(crate) async fn arm(&self, id: &VideoId, source: Option<&str>) -> Result<bool> {
        let done = sqlx::query("UPDATE streams SET armed = TRUE, source_url = $2 WHERE video_id = $1")
            .bind(id.as_str())
            .bind(source)
            .execute(&self.pool)
            .await
            .map_err(failed("arm a stream"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The armed streams that are played from elsewhere, and from where.
    pub(crate) async fn sources(&self) -> Result<Vec<(VideoId, Secret)>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT video_id, source_url FROM streams WHERE armed AND source_url IS NOT NULL ORDER BY created_at",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the sources"))?;
        Ok(rows.into_iter().filter_map(|(id, url)| Some((VideoId::parse(&id)?, Secret(url)))).collect())
    }

    /// Gives a stream a new key; the old one dies. `None` where there is no such stream.
    pub(crate) async fn rotate_key(&self, id: &VideoId) -> Result<Option<String>> {
        let key = stream_key::generate();
        let done =
            sqlx::query("UPDATE streams SET stream_key = $2, stream_key_hash = $3 WHERE video_id = $1")
                .bind(id.as_str())
                .bind(&key)
                .bind(stream_key::hash(&key))
                .execute(&self.pool)
                .await
                .map_err(failed("change a stream key"))?;
        Ok((done.rows_affected() > 0).then_some(key))
    }

    /// Removes a stream; `false` where there is none.
    pub(crate) async fn delete(&self, id: &VideoId) -> Result<bool> {
        self.forget_recordings(id).await?;
        let mut change = self.begin().await?;
        listed::forget(&mut change, id).await?;
        let done = sqlx::query("DELETE FROM streams WHERE video_id = $1")
            .bind(id.as_str())
            .execute(&mut *change)
            .await
            .map_err(failed("remove a stream"))?;
        change.commit().await.map_err(failed("remove a stream"))?;
        Ok(done.rows_affected() > 0)
    }

    /// A broadcast has begun to be watchable; and to be recorded, where there is a segment to begin with.
    pub(crate) async fn went_live(
        &self,
        id: &VideoId,
        at: SystemTime,
        recorded_from: Option<MediaSequence>,
    ) -> Result<()> {
        let mut change = self.begin().await?;
        sqlx::query(
            "UPDATE streams SET status = 'LIVE', started_at = $2, ended_at = NULL, end_code = NULL, \
             end_message = NULL WHERE video_id = $1",
        )
        .bind(id.as_str())
        .bind(millis(at))
        .execute(&mut *change)
        .await
        .map_err(failed("mark a stream live"))?;
        if let Some(first) = recorded_from {
            recordings::begin(&mut change, id, first, at).await?;
        }
        let data = json!({ "resumed": false });
        let event = events::append(&mut change, EventType::StreamLive, id, data).await?;
        self.commit(change, event).await
    }

    /// A broadcast is over.
    pub(crate) async fn ended(&self, id: &VideoId, status: Status, reason: &EndReason) -> Result<()> {
        let (mut change, now) = (self.begin().await?, SystemTime::now());
        sqlx::query(
            "UPDATE streams SET status = $2, ended_at = $3, end_code = $4, end_message = $5 \
             WHERE video_id = $1",
        )
        .bind(id.as_str())
        .bind(status.as_str())
        .bind(millis(now))
        .bind(&reason.code)
        .bind(&reason.message)
        .execute(&mut *change)
        .await
        .map_err(failed("mark a stream ended"))?;
        recordings::end(&mut change, id, now).await?;
        // The next broadcast, should it die before its first segment is stored, must not go on with this one's.
        listed::forget(&mut change, id).await?;
        let kind = if status == Status::Failed { EventType::StreamFailed } else { EventType::StreamEnded };
        let event =
            events::append(&mut change, kind, id, json!({ "status": status, "reason": reason })).await?;
        self.commit(change, event).await
    }

    /// The number that the next segment of a stream will have.
    pub(crate) async fn next_sequence(&self, id: &VideoId) -> Result<MediaSequence> {
        let next: i64 = sqlx::query_scalar("SELECT next_sequence FROM streams WHERE video_id = $1")
            .bind(id.as_str())
            .fetch_one(&self.pool)
            .await
            .map_err(failed("read a media sequence number"))?;
        Ok(MediaSequence::new(u64::try_from(next).unwrap_or_default()))
    }

    /// Numbers below `next` are used, or will be before this is called again.
    pub(crate) async fn set_next_sequence(&self, id: &VideoId, next: MediaSequence) -> Result<()> {
        sqlx::query("UPDATE streams SET next_sequence = $2 WHERE video_id = $1")
            .bind(id.as_str())
            .bind(i64::try_from(next.get()).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(failed("keep a media sequence number"))?;
        Ok(())
    }
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

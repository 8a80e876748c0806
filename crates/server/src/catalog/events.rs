//! The events: written with what they tell of, read by their numbers, kept for a while.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use sqlx::{Sqlite, Transaction};
use tokio::sync::watch;

use super::{Catalog, Result, VideoId, failed, millis};
use crate::events::{Event, EventType};

/// Events that are kept at most, and for how long.
const KEPT: i64 = 100_000;
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Old events are removed with each so many new ones.
const PRUNE_EVERY: i64 = 256;

impl Catalog {
    /// Writes an event of its own. A failure is counted and logged, and harms nothing else.
    pub(crate) async fn record(&self, kind: EventType, id: &VideoId, data: Value) {
        let written = async {
            let mut transaction = self.begin().await?;
            let number = append(&mut transaction, kind, id, data).await?;
            self.commit(transaction, number).await
        };
        if let Err(error) = written.await {
            metrics::counter!("weir_events_lost_total").increment(1);
            tracing::error!(%error, event = kind.as_str(), stream = %id, "an event is lost");
        }
    }

    /// The number of the newest event, now and whenever there is a newer one.
    pub(crate) fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// The oldest events after that number, of one stream or of all.
    pub(crate) async fn events_after(
        &self,
        number: i64,
        stream: Option<&VideoId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        sqlx::query_as(
            "SELECT id, type, video_id, at, data FROM events \
             WHERE id > $1 AND ($2 IS NULL OR video_id = $2) ORDER BY id LIMIT $3",
        )
        .bind(number)
        .bind(stream.map(VideoId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read the events"))
    }

    /// A stream's events, newest first.
    pub(crate) async fn events_of(&self, stream: &VideoId, limit: u32) -> Result<Vec<Event>> {
        sqlx::query_as(
            "SELECT id, type, video_id, at, data FROM events WHERE video_id = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(stream.as_str())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read a stream's events"))
    }

    /// Whether the newest event of a stream's publisher says that it vanished.
    pub(crate) async fn is_told_away(&self, stream: &VideoId) -> Result<bool> {
        let [live, away] = [EventType::StreamLive, EventType::StreamReconnecting].map(EventType::as_str);
        let newest: Option<String> = sqlx::query_scalar(
            "SELECT type FROM events WHERE video_id = $1 AND type IN ($2, $3) ORDER BY id DESC LIMIT 1",
        )
        .bind(stream.as_str())
        .bind(live)
        .bind(away)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("read what was told of a publisher"))?;
        Ok(newest.as_deref() == Some(away))
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'_, Sqlite>> {
        self.pool.begin().await.map_err(failed("begin a change"))
    }

    /// Makes a change and its events true, and tells who listens.
    pub(super) async fn commit(&self, transaction: Transaction<'_, Sqlite>, newest: i64) -> Result<()> {
        transaction.commit().await.map_err(failed("keep a change"))?;
        self.newest.send_if_modified(|known| {
            let is_newer = newest > *known;
            *known = newest.max(*known);
            is_newer
        });
        Ok(())
    }
}

/// Adds an event to a change that is being made; its number. One of no stream has an empty name in its row.
pub(super) async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    kind: EventType,
    id: impl Into<Option<&VideoId>>,
    data: Value,
) -> Result<i64> {
    let number: i64 = sqlx::query_scalar("UPDATE event_counter SET last_id = last_id + 1 RETURNING last_id")
        .fetch_one(&mut **transaction)
        .await
        .map_err(failed("number an event"))?;
    let now = SystemTime::now();
    sqlx::query("INSERT INTO events (id, type, video_id, at, data) VALUES ($1, $2, $3, $4, $5)")
        .bind(number)
        .bind(kind.as_str())
        .bind(id.into().map_or("", VideoId::as_str))
        .bind(millis(now))
        .bind(data.to_string())
        .execute(&mut **transaction)
        .await
        .map_err(failed("write an event"))?;
    if number % PRUNE_EVERY == 0 {
        sqlx::query("DELETE FROM events WHERE id <= $1 OR at < $2")
            .bind(number - KEPT)
            .bind(millis(now - KEPT_FOR))
            .execute(&mut **transaction)
            .await
            .map_err(failed("remove old events"))?;
    }
    Ok(number)
}

/// The number of the newest event that was ever written.
pub(super) async fn newest(pool: &sqlx::SqlitePool) -> Result<i64> {
    let newest = sqlx::query_scalar("SELECT last_id FROM event_counter").fetch_one(pool).await;
    newest.map_err(failed("read the events"))
}

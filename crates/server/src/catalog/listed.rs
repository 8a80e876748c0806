//! What the bucket's playlists list, kept for the next process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::{MediaSequence, segment_name};
use media::MediaDuration;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{COLUMNS, Catalog, Result, Stream, VideoId, failed};

/// A playlist as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// What segments were meant to last.
    pub(crate) segment_duration: MediaDuration,
    pub(crate) discontinuity_sequence: u64,
    pub(crate) independent: bool,
    /// Oldest first.
    pub(crate) entries: Vec<Entry>,
}

struct ListedRow(Entry);

const LISTED: &str = "INSERT INTO listed_segments \
    (video_id, sequence, duration, program_date_time, discontinuity, gap) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const KEPT: &str = "INSERT INTO kept_segments \
    (video_id, sequence, duration, program_date_time, discontinuity, gap) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

impl Catalog {
    /// The streams that are on air, or were when a server died.
    pub(crate) async fn live(&self) -> Result<Vec<Stream>> {
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM streams WHERE status = 'LIVE'")))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the live streams"))
    }

    /// Keeps a playlist of which `new` weren't kept yet, all or nothing; what it doesn't list any more goes. Where the
    /// broadcast is `recorded`, the new segments are among the kept ones from there on.
    pub(crate) async fn keep_playlist(
        &self,
        id: &VideoId,
        segment_duration: MediaDuration,
        playlist: &MediaPlaylist,
        new: &[Entry],
        recorded: bool,
    ) -> Result<()> {
        let failed = || failed("keep a playlist");
        let mut all = self.pool.begin().await.map_err(failed())?;
        sqlx::query(
            "INSERT INTO playlists (video_id, segment_duration, discontinuity_sequence, independent) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (video_id) DO UPDATE SET \
             segment_duration = excluded.segment_duration, \
             discontinuity_sequence = excluded.discontinuity_sequence, independent = excluded.independent",
        )
        .bind(id.as_str())
        .bind(segment_duration.ticks())
        .bind(integer(playlist.discontinuity_sequence()))
        .bind(playlist.is_independent())
        .execute(&mut *all)
        .await
        .map_err(failed())?;
        let first = playlist.entries().next().map(|entry| entry.sequence);
        sqlx::query("DELETE FROM listed_segments WHERE video_id = $1 AND sequence < $2")
            .bind(id.as_str())
            .bind(integer(first.map_or(0, MediaSequence::get)))
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        for entry in new {
            if Some(entry.sequence) >= first {
                insert(&mut all, LISTED, id, entry).await.map_err(failed())?;
            }
            if recorded {
                insert(&mut all, KEPT, id, entry).await.map_err(failed())?;
            }
        }
        all.commit().await.map_err(failed())
    }

    /// Forgets the playlist that was kept of a stream.
    pub(crate) async fn forget_playlist(&self, id: &VideoId) -> Result<()> {
        let mut change = self.pool.begin().await.map_err(failed("forget a playlist"))?;
        forget(&mut change, id).await?;
        change.commit().await.map_err(failed("forget a playlist"))
    }

    /// The playlist that was kept of a stream.
    pub(crate) async fn kept_playlist(&self, id: &VideoId) -> Result<Option<Listed>> {
        let failed = || failed("read a playlist");
        let Some(row) = sqlx::query(
            "SELECT segment_duration, discontinuity_sequence, independent FROM playlists WHERE video_id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed())?
        else {
            return Ok(None);
        };
        let entries: Vec<ListedRow> = sqlx::query_as(
            "SELECT sequence, duration, program_date_time, discontinuity, gap FROM listed_segments \
             WHERE video_id = $1 ORDER BY sequence",
        )
        .bind(id.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(failed())?;
        Ok(Some(Listed {
            segment_duration: MediaDuration::from_ticks(row.try_get("segment_duration").map_err(failed())?),
            discontinuity_sequence: natural(row.try_get("discontinuity_sequence").map_err(failed())?),
            independent: row.try_get("independent").map_err(failed())?,
            entries: entries.into_iter().map(|row| row.0).collect(),
        }))
    }

    /// What the segments of a stream's newest broadcast were meant to last, and whether each decodes by itself; after its
    /// end, where it was recorded.
    pub(crate) async fn listing_of(&self, id: &VideoId) -> Result<Option<(MediaDuration, bool)>> {
        for statement in [
            "SELECT segment_duration, independent FROM playlists WHERE video_id = $1",
            "SELECT segment_duration, independent FROM recordings \
             WHERE video_id = $1 AND segment_duration IS NOT NULL ORDER BY number DESC LIMIT 1",
        ] {
            let row: Option<(i64, bool)> = sqlx::query_as(statement)
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("read a playlist"))?;
            if let Some((duration, independent)) = row {
                return Ok(Some((MediaDuration::from_ticks(duration), independent)));
            }
        }
        Ok(None)
    }

    /// The segments that are kept of a stream's broadcasts, from one on and before another, `limit` at most.
    pub(crate) async fn kept_segments(
        &self,
        id: &VideoId,
        from: MediaSequence,
        before: Option<MediaSequence>,
        limit: u32,
    ) -> Result<Vec<Entry>> {
        let rows: Vec<ListedRow> = sqlx::query_as(
            "SELECT sequence, duration, program_date_time, discontinuity, gap FROM kept_segments \
             WHERE video_id = $1 AND sequence >= $2 AND sequence < $3 ORDER BY sequence LIMIT $4",
        )
        .bind(id.as_str())
        .bind(integer(from.get()))
        .bind(before.map_or(i64::MAX, |before| integer(before.get())))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read the kept segments"))?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}

/// Forgets what was kept of a stream's playlist.
pub(super) async fn forget(change: &mut SqliteConnection, id: &VideoId) -> Result<()> {
    for statement in
        ["DELETE FROM listed_segments WHERE video_id = $1", "DELETE FROM playlists WHERE video_id = $1"]
    {
        let forgotten = sqlx::query(statement).bind(id.as_str()).execute(&mut *change).await;
        forgotten.map_err(failed("forget a playlist"))?;
    }
    Ok(())
}

impl sqlx::FromRow<'_, SqliteRow> for ListedRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let sequence = MediaSequence::new(natural(row.try_get("sequence")?));
        Ok(Self(Entry {
            sequence,
            uri: segment_name(sequence),
            duration: MediaDuration::from_ticks(row.try_get("duration")?),
            program_date_time: UNIX_EPOCH + Duration::from_micros(natural(row.try_get("program_date_time")?)),
            discontinuity: row.try_get("discontinuity")?,
            gap: row.try_get("gap")?,
        }))
    }
}

async fn insert(
    all: &mut SqliteConnection,
    into: &'static str,
    id: &VideoId,
    entry: &Entry,
) -> sqlx::Result<()> {
    sqlx::query(into)
        .bind(id.as_str())
        .bind(integer(entry.sequence.get()))
        .bind(entry.duration.ticks())
        .bind(micros(entry.program_date_time))
        .bind(entry.discontinuity)
        .bind(entry.gap)
        .execute(all)
        .await
        .map(|_| ())
}

pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

//! How far viewers of a stream can go back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::listed::natural;
use super::stream::time;
use super::{Catalog, Result, VideoId, failed};

/// How far viewers can go back in what is kept of a stream's newest broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewind {
    /// When it began.
    pub(crate) from: SystemTime,
    /// Seconds behind the live edge that they may go while it is on air; `None`: all of them.
    pub(crate) window: Option<u32>,
}

impl Catalog {
    /// How far viewers of a stream can go back; `None` while nothing is kept of the broadcast that they would see.
    pub(crate) async fn rewind(&self, id: &VideoId, is_live: bool) -> Result<Option<Rewind>> {
        type Row = (Option<i64>, i64, Option<i64>, Option<i64>);
        let row: Option<Row> = sqlx::query_as(
            "SELECT recordings.ended_at, recordings.started_at, \
             (SELECT MIN(program_date_time) FROM kept_segments WHERE kept_segments.video_id = $1 \
             AND kept_segments.sequence >= recordings.first_sequence AND NOT kept_segments.gap), \
             streams.dvr_window_s \
             FROM recordings JOIN streams ON streams.video_id = recordings.video_id \
             WHERE recordings.video_id = $1 ORDER BY recordings.number DESC LIMIT 1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find how far viewers can go back"))?;
        let Some((ended_at, started_at, first, window)) = row else { return Ok(None) };
        // A broadcast that isn't recorded must not be taken for the one before; nor one without a segment for VOD.
        let is_there = if is_live { ended_at.is_none() } else { first.is_some() };
        Ok(is_there.then(|| Rewind {
            from: first
                .map_or(time(started_at), |micros| UNIX_EPOCH + Duration::from_micros(natural(micros))),
            window: window.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
        }))
    }
}

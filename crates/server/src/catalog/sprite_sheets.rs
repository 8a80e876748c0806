//! Which sheets of sprites the store has, and what is on them.

use hls_mux::MediaSequence;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::listed::{integer, natural};
use super::{Catalog, Result, VideoId, failed};

/// A sheet of small pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpriteSheet {
    /// The segment of its first tile.
    pub(crate) sequence: MediaSequence,
    /// Width and height of a tile, in pixels.
    pub(crate) tile: (u32, u32),
    /// The segments that its tiles are of.
    pub(crate) tiles: Vec<MediaSequence>,
}

impl Catalog {
    /// The sheets of a stream's broadcasts, from a segment on and before another.
    pub(crate) async fn sprite_sheets(
        &self,
        id: &VideoId,
        from: MediaSequence,
        before: Option<MediaSequence>,
    ) -> Result<Vec<SpriteSheet>> {
        sqlx::query_as(
            "SELECT sequence, tile_width, tile_height, tiles FROM sprite_sheets \
             WHERE video_id = $1 AND sequence >= $2 AND sequence < $3 ORDER BY sequence",
        )
        .bind(id.as_str())
        .bind(integer(from.get()))
        .bind(before.map_or(i64::MAX, |before| integer(before.get())))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read the sheets of sprites"))
    }

    /// How many sheets the broadcast has that is being recorded.
    pub(crate) async fn sheets_on_air(&self, id: &VideoId) -> Result<u32> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM sprite_sheets WHERE video_id = $1 AND sequence >= \
             (SELECT MAX(first_sequence) FROM recordings WHERE video_id = $1 AND ended_at IS NULL)",
        )
        .bind(id.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("count the sheets of sprites"))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The store has a sheet, or more of it; unless its recording was removed.
    pub(crate) async fn keep_sheet(&self, id: &VideoId, sheet: &SpriteSheet) -> Result<()> {
        let tiles: Vec<String> = sheet.tiles.iter().map(ToString::to_string).collect();
        sqlx::query(
            "INSERT INTO sprite_sheets (video_id, sequence, tile_width, tile_height, tiles) \
             SELECT $1, $2, $3, $4, $5 WHERE EXISTS \
             (SELECT number FROM recordings WHERE video_id = $1 AND first_sequence <= $2) \
             ON CONFLICT (video_id, sequence) DO UPDATE SET tiles = excluded.tiles",
        )
        .bind(id.as_str())
        .bind(integer(sheet.sequence.get()))
        .bind(i64::from(sheet.tile.0))
        .bind(i64::from(sheet.tile.1))
        .bind(tiles.join(","))
        .execute(&self.pool)
        .await
        .map_err(failed("keep a sheet of sprites"))?;
        Ok(())
    }
}

/// Forgets the sheets of a recording that is being removed, and says which there were.
pub(super) async fn forget(
    change: &mut SqliteConnection,
    id: &VideoId,
    from: i64,
    before: i64,
) -> sqlx::Result<Vec<MediaSequence>> {
    let forgotten: Vec<i64> = sqlx::query_scalar(
        "DELETE FROM sprite_sheets WHERE video_id = $1 AND sequence >= $2 AND sequence < $3 RETURNING sequence",
    )
    .bind(id.as_str())
    .bind(from)
    .bind(before)
    .fetch_all(change)
    .await?;
    Ok(forgotten.into_iter().map(|sequence| MediaSequence::new(natural(sequence))).collect())
}

impl sqlx::FromRow<'_, SqliteRow> for SpriteSheet {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let tiles: String = row.try_get("tiles")?;
        let pixels = |column| row.try_get(column).map(|value: i64| u32::try_from(value).unwrap_or_default());
        Ok(Self {
            sequence: MediaSequence::new(natural(row.try_get("sequence")?)),
            tile: (pixels("tile_width")?, pixels("tile_height")?),
            tiles: tiles.split(',').filter_map(|tile| tile.parse().ok()).map(MediaSequence::new).collect(),
        })
    }
}

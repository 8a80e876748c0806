//! How far the upload of a recording's file is.

use bytes::Bytes;
use sqlx::sqlite::SqliteConnection;
use uploader::Part;

use super::{Catalog, Recording, Result, VideoId, failed};

/// A part that the store has, and the digest of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedPart {
    pub(crate) part: Part,
    pub(crate) digest: String,
}

impl Catalog {
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

    /// A recording's file is uploaded anew, in parts; `None` where it is not, or no more. `false` if the recording was
    /// removed.
    pub(crate) async fn begin_upload(&self, recording: &Recording, upload_id: Option<&str>) -> Result<bool> {
        let failed = || failed("begin a recording's upload");
        let mut all = self.pool.begin().await.map_err(failed())?;
        sqlx::query("DELETE FROM recording_parts WHERE video_id = $1 AND number = $2")
            .bind(recording.video_id.as_str())
            .bind(i64::from(recording.number))
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        let begun = sqlx::query("UPDATE recordings SET upload_id = $3 WHERE video_id = $1 AND number = $2")
            .bind(recording.video_id.as_str())
            .bind(i64::from(recording.number))
            .bind(upload_id)
            .execute(&mut *all)
            .await
            .map_err(failed())?;
        all.commit().await.map_err(failed())?;
        Ok(begun.rows_affected() > 0)
    }

    /// The store has a part; a checkpoint that goes with it says how far the recorder was. `false` if the recording was
    /// removed.
    pub(crate) async fn seal_part(
        &self,
        recording: &Recording,
        sealed: &SealedPart,
        checkpoint: Option<&[u8]>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO recording_parts (video_id, number, part, etag, digest, checkpoint) \
             SELECT video_id, number, $3, $4, $5, $6 FROM recordings WHERE video_id = $1 AND number = $2 \
             ON CONFLICT (video_id, number, part) DO UPDATE SET \
             etag = excluded.etag, digest = excluded.digest, checkpoint = excluded.checkpoint",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .bind(i64::from(sealed.part.number))
        .bind(&sealed.part.etag)
        .bind(&sealed.digest)
        .bind(checkpoint)
        .execute(&self.pool)
        .await
        .map_err(failed("keep a recording's part"))?;
        Ok(done.rows_affected() > 0)
    }

    /// What was kept of how far a recording is, in the order of its parts.
    pub(crate) async fn checkpoints(&self, recording: &Recording) -> Result<Vec<Bytes>> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT checkpoint FROM recording_parts WHERE video_id = $1 AND number = $2 \
             AND checkpoint IS NOT NULL ORDER BY part",
        )
        .bind(recording.video_id.as_str())
        .bind(i64::from(recording.number))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read a recording's checkpoints"))?;
        Ok(rows.into_iter().map(Bytes::from).collect())
    }

    /// The checkpoints of a recording are of no use: it begins again with its first segment.
    pub(crate) async fn forget_checkpoints(&self, recording: &Recording) -> Result<()> {
        sqlx::query("UPDATE recording_parts SET checkpoint = NULL WHERE video_id = $1 AND number = $2")
            .bind(recording.video_id.as_str())
            .bind(i64::from(recording.number))
            .execute(&self.pool)
            .await
            .map_err(failed("forget a recording's checkpoints"))?;
        Ok(())
    }
}

pub(super) async fn forget_parts(all: &mut SqliteConnection, id: &VideoId, number: u32) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM recording_parts WHERE video_id = $1 AND number = $2")
        .bind(id.as_str())
        .bind(i64::from(number))
        .execute(all)
        .await
        .map(|_| ())
}

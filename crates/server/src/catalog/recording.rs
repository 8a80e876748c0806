//! One recording, as its row says.

use std::time::SystemTime;

use hls_mux::MediaSequence;
use media::MediaDuration;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::VideoId;
use super::listed::natural;
use super::stream::time;

/// What a query for recordings selects.
pub(super) const COLUMNS: &str = "recordings.video_id, recordings.number, recordings.first_sequence, \
    (SELECT MIN(later.first_sequence) FROM recordings AS later \
     WHERE later.video_id = recordings.video_id AND later.number > recordings.number) AS before_sequence, \
    recordings.state, recordings.started_at, recordings.ended_at, recordings.upload_id, recordings.bytes, \
    recordings.duration, recordings.codecs, recordings.index_is_last, recordings.attempts, recordings.reason, \
    EXISTS (SELECT 1 FROM kept_segments AS kept WHERE kept.video_id = recordings.video_id \
     AND kept.sequence >= recordings.first_sequence AND NOT kept.gap) AS has_segments";

/// What is kept of one broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) video_id: VideoId,
    /// Its place among the stream's recordings, from 1.
    pub(crate) number: u32,
    /// Its segments are those from there on …
    pub(crate) first: MediaSequence,
    /// … and before the first of the stream's next recording, once there is one.
    pub(crate) before: Option<MediaSequence>,
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
    /// Whether a segment is kept of it, or of a later one: until then the stream has no playlist of what is kept.
    pub(crate) has_segments: bool,
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
            before: row.try_get::<Option<i64>, _>("before_sequence")?.map(natural).map(MediaSequence::new),
            state: RecordingState::parse(&state).ok_or_else(|| decode("state", state))?,
            started_at: time(row.try_get("started_at")?),
            ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(time),
            upload_id: row.try_get("upload_id")?,
            file,
            attempts: small(row.try_get("attempts")?),
            reason: row.try_get("reason")?,
            has_segments: row.try_get("has_segments")?,
        })
    }
}

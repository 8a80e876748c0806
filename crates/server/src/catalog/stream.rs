use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::options::StreamOptions;
use crate::config::Secret;
use crate::stream_key;

/// The name of a stream in URLs and object keys: letters, digits and hyphens only, so that it can
/// stand in a path, a key and a log line without escaping.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct VideoId(String);

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// Created; waits for its publisher.
    Pending,
    /// On air: the playlist is there.
    Live,
    /// Over.
    Ready,
    /// Ended by a failure.
    Failed,
}

/// Why a broadcast ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct EndReason {
    /// Stable, for programs.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
}

/// A stream's record.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) video_id: VideoId,
    pub(crate) title: String,
    pub(crate) stream_key: Secret,
    pub(crate) armed: bool,
    pub(crate) status: Status,
    pub(crate) created_at: SystemTime,
    pub(crate) started_at: Option<SystemTime>,
    pub(crate) ended_at: Option<SystemTime>,
    pub(crate) end_reason: Option<EndReason>,
    pub(crate) options: StreamOptions,
}

impl Stream {
    /// A stream that nobody has published to yet, with a key of its own.
    pub(super) fn new(title: &str, options: StreamOptions, now: SystemTime) -> Self {
        Self {
            video_id: VideoId(Uuid::now_v7().to_string()),
            title: title.to_owned(),
            stream_key: Secret(stream_key::generate()),
            armed: true,
            status: Status::Pending,
            created_at: now,
            started_at: None,
            ended_at: None,
            end_reason: None,
            options,
        }
    }
}

impl VideoId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a name from a URL; `None` if no stream can have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for VideoId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a videoId is 1 to 64 letters, digits and hyphens")
    }
}

impl From<VideoId> for String {
    fn from(id: VideoId) -> Self {
        id.0
    }
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Live => "LIVE",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Live, Self::Ready, Self::Failed].into_iter().find(|s| s.as_str() == text)
    }
}

impl sqlx::FromRow<'_, SqliteRow> for Stream {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let decode = |index: &str, source: String| sqlx::Error::ColumnDecode {
            index: index.to_owned(),
            source: source.into(),
        };
        let status: String = row.try_get("status")?;
        let code: Option<String> = row.try_get("end_code")?;
        let message: Option<String> = row.try_get("end_message")?;
        Ok(Self {
            video_id: VideoId(row.try_get("video_id")?),
            title: row.try_get("title")?,
            stream_key: Secret(row.try_get("stream_key")?),
            armed: row.try_get("armed")?,
            status: Status::parse(&status)
                .ok_or_else(|| decode("status", format!("{status} is no status of a stream")))?,
            created_at: time(row.try_get("created_at")?),
            started_at: row.try_get::<Option<i64>, _>("started_at")?.map(time),
            ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(time),
            end_reason: code.zip(message).map(|(code, message)| EndReason { code, message }),
            options: StreamOptions::from_row(row)?,
        })
    }
}

/// Whether a text can be the name of something that the API makes: 1 to 64 letters, digits and hyphens.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// A time as the catalog keeps it, in milliseconds since 1970.
pub(super) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

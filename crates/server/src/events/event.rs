use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum EventType {
    /// A stream was made.
    #[serde(rename = "stream.created")]
    StreamCreated,
    /// The playlist is there, or the publisher is back.
    #[serde(rename = "stream.live")]
    StreamLive,
    /// The publisher vanished; the broadcast waits for it.
    #[serde(rename = "stream.reconnecting")]
    StreamReconnecting,
    /// A broadcast is over.
    #[serde(rename = "stream.ended")]
    StreamEnded,
    /// A broadcast is over because Weir could not go on.
    #[serde(rename = "stream.failed")]
    StreamFailed,
    /// A recording's file is there.
    #[serde(rename = "recording.ready")]
    RecordingReady,
    /// There will be no file of a recording.
    #[serde(rename = "recording.failed")]
    RecordingFailed,
    /// A recording is to be converted: there is a job for the application's transcode workflow.
    #[serde(rename = "transcode.queued")]
    TranscodeQueued,
    /// A viewer was refused for want of room; told once a minute at most.
    #[serde(rename = "viewers.limit")]
    ViewersLimit,
    /// A webhook has failed for too long, and is sent nothing any more.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled,
}

impl EventType {
    /// As it is written everywhere.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::StreamCreated => "stream.created",
            Self::StreamLive => "stream.live",
            Self::StreamReconnecting => "stream.reconnecting",
            Self::StreamEnded => "stream.ended",
            Self::StreamFailed => "stream.failed",
            Self::RecordingReady => "recording.ready",
            Self::RecordingFailed => "recording.failed",
            Self::TranscodeQueued => "transcode.queued",
            Self::ViewersLimit => "viewers.limit",
            Self::WebhookDisabled => "webhook.disabled",
        }
    }
}

/// Something that happened, to a stream as a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    /// One more than that of the event before it.
    #[schema(minimum = 1)]
    pub(crate) id: i64,
    #[serde(rename = "type")]
    #[schema(value_type = EventType)]
    pub(crate) kind: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) timestamp: OffsetDateTime,
    /// The stream that it happened to, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) video_id: Option<String>,
    /// What there is to say of it; depends on the type.
    #[schema(value_type = Object)]
    pub(crate) data: Value,
}

impl sqlx::FromRow<'_, SqliteRow> for Event {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let (at, data): (i64, String) = (row.try_get("at")?, row.try_get("data")?);
        let decode = |column: &str, source: Box<dyn std::error::Error + Send + Sync>| {
            sqlx::Error::ColumnDecode { index: column.to_owned(), source }
        };
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("type")?,
            timestamp: OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
                .map_err(|error| decode("at", error.into()))?,
            video_id: Some(row.try_get("video_id")?).filter(|id: &String| !id.is_empty()),
            data: serde_json::from_str(&data).map_err(|error| decode("data", error.into()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_spelling() {
        for kind in [
            EventType::StreamCreated,
            EventType::StreamLive,
            EventType::StreamReconnecting,
            EventType::StreamEnded,
            EventType::StreamFailed,
            EventType::RecordingReady,
            EventType::RecordingFailed,
            EventType::TranscodeQueued,
            EventType::ViewersLimit,
            EventType::WebhookDisabled,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}

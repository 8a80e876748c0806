//! What is chosen for each stream.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// The longest that a broadcast may wait for its publisher, in seconds.
pub(crate) const MAX_RECONNECT_WINDOW: u32 = 1800;
/// The longest retention, in days: a hundred years.
pub(crate) const MAX_RETENTION_DAYS: u32 = 36_500;
/// The longest that viewers may go back, in seconds: a week.
pub(crate) const MAX_DVR_WINDOW: u32 = 604_800;

/// What is chosen for each stream. Configuration has the defaults of new ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamOptions {
    /// Whether broadcasts are recorded.
    pub record: bool,
    /// Seconds that a broadcast waits for a publisher that vanished.
    #[schema(maximum = 1800)]
    pub reconnect_window: u32,
    /// What happens when a second publisher comes with the same key.
    pub second_publisher: SecondPublisher,
    /// What viewers get: `low`, parts and a fraction of a second; `standard`, whole segments and some seconds.
    pub latency_mode: LatencyMode,
    /// Days that recordings and kept segments stay after the end; null: for ever; 0: not at all.
    #[schema(maximum = 36500)]
    pub retention_days: Option<u32>,
    /// Seconds that viewers may go back while a recorded broadcast is live; null: to its beginning.
    #[schema(maximum = 604800)]
    pub dvr_window: Option<u32>,
    /// Whether each recording that is ready gets a job for the application's transcode workflow.
    pub convert_to_vod: bool,
}

/// What happens when a second publisher comes with the same key.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SecondPublisher {
    /// It takes over from one that is silent or has the same address; else it is refused.
    #[default]
    Takeover,
    /// It is refused while the first is connected.
    Reject,
}

/// What viewers get, wherever they watch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LatencyMode {
    /// Parts, and a fraction of a second.
    #[default]
    Low,
    /// Whole segments and some seconds; less is asked of the network.
    Standard,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            record: false,
            reconnect_window: 30,
            second_publisher: SecondPublisher::default(),
            latency_mode: LatencyMode::default(),
            retention_days: None,
            dvr_window: None,
            convert_to_vod: false,
        }
    }
}

impl SecondPublisher {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Reject => "reject",
        }
    }
}

impl LatencyMode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Standard => "standard",
        }
    }
}

impl sqlx::FromRow<'_, SqliteRow> for StreamOptions {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let second_publisher: String = row.try_get("second_publisher")?;
        let latency_mode: String = row.try_get("latency_mode")?;
        let number = |column| row.try_get::<Option<i64>, _>(column).map(|value| value.map(clamp));
        Ok(Self {
            record: row.try_get("record")?,
            reconnect_window: clamp(row.try_get("reconnect_window_s")?),
            // A value of a newer version is taken for the default.
            second_publisher: match second_publisher.as_str() {
                "reject" => SecondPublisher::Reject,
                _ => SecondPublisher::Takeover,
            },
            latency_mode: match latency_mode.as_str() {
                "standard" => LatencyMode::Standard,
                _ => LatencyMode::Low,
            },
            retention_days: number("retention_days")?,
            dvr_window: number("dvr_window_s")?,
            convert_to_vod: row.try_get("convert_to_vod")?,
        })
    }
}

fn clamp(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

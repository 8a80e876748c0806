//! What a caller wants a stream to be.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::problem::Problem;
use crate::catalog::{
    LatencyMode, MAX_DVR_WINDOW, MAX_RECONNECT_WINDOW, MAX_RETENTION_DAYS, SecondPublisher, StreamOptions,
};

/// Characters of a title.
const TITLE_LIMIT: usize = 200;

/// What a stream is to be. What is left out is as configured for a new stream, and as it was for one
/// that is changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wishes {
    /// For people; at most 200 characters.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// Whether broadcasts are recorded.
    record: Option<bool>,
    /// Seconds that a broadcast waits for a publisher that vanished.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 1800)]
    reconnect_window: Option<u32>,
    /// What happens when a second publisher comes with the same key.
    second_publisher: Option<SecondPublisher>,
    /// What viewers get: `low`, parts and a fraction of a second; `standard`, whole segments and some seconds.
    latency_mode: Option<LatencyMode>,
    /// Days that recordings and kept segments stay after the end; null: for ever; 0: not at all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, maximum = 36500)]
    retention_days: Option<Option<u32>>,
    /// Seconds that viewers may go back while a recorded broadcast is live; null: to its beginning.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 604800)]
    dvr_window: Option<Option<u32>>,
    /// Whether each recording that is ready gets a job for the application's transcode workflow.
    convert_to_vod: Option<bool>,
}

/// Tells a field that is null from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    whole(deserializer).map(Some)
}

/// JSON has one type of numbers: 60.0 is a whole one.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        let expected = "a whole number from 0 to 4294967295";
        return Err(D::Error::invalid_value(Unexpected::Float(number), &expected));
    }
    Ok(Some(number as u32))
}

impl Wishes {
    /// The title and the options that come of it, from those that are there now.
    pub(super) fn over(self, title: &str, now: &StreamOptions) -> Result<(String, StreamOptions), Problem> {
        let title = self.title.map_or_else(|| title.to_owned(), |title| title.trim().to_owned());
        if title.chars().count() > TITLE_LIMIT {
            return Err(Problem::invalid(format!("The title is longer than {TITLE_LIMIT} characters.")));
        }
        let options = StreamOptions {
            record: self.record.unwrap_or(now.record),
            reconnect_window: self.reconnect_window.unwrap_or(now.reconnect_window),
            second_publisher: self.second_publisher.unwrap_or(now.second_publisher),
            latency_mode: self.latency_mode.unwrap_or(now.latency_mode),
            retention_days: self.retention_days.unwrap_or(now.retention_days),
            dvr_window: self.dvr_window.unwrap_or(now.dvr_window),
            convert_to_vod: self.convert_to_vod.unwrap_or(now.convert_to_vod),
        };
        let bounds = [
            ("reconnectWindow", Some(options.reconnect_window), 0, MAX_RECONNECT_WINDOW),
            ("retentionDays", options.retention_days, 0, MAX_RETENTION_DAYS),
            ("dvrWindow", options.dvr_window, 1, MAX_DVR_WINDOW),
        ];
        for (name, value, least, most) in bounds {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(Problem::invalid(format!("{name} must be from {least} to {most}.")));
            }
        }
        Ok((title, options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(json: &str) -> Wishes {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_is_told_from_left_out() {
        let now = StreamOptions { retention_days: Some(7), dvr_window: Some(60), ..StreamOptions::default() };
        let (title, options) =
            wishes(r#"{"retentionDays": null, "record": true}"#).over("old", &now).unwrap();
        assert_eq!((title.as_str(), options.retention_days, options.dvr_window), ("old", None, Some(60)));
        assert!(options.record);
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        let window = |json| wishes(json).reconnect_window;
        assert_eq!(window(r#"{"reconnectWindow": 60.0}"#), Some(60));
        assert_eq!((window("{}"), window(r#"{"reconnectWindow": null}"#)), (None, None));
        for wrong in ["0.5", "-1", "4294967296", "\"60\""] {
            let json = format!(r#"{{"reconnectWindow": {wrong}}}"#);
            assert!(serde_json::from_str::<Wishes>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for json in [r#"{"reconnectWindow": 1801}"#, r#"{"dvrWindow": 0}"#, r#"{"retentionDays": 40000}"#] {
            assert!(wishes(json).over("", &StreamOptions::default()).is_err(), "{json}");
        }
    }
}

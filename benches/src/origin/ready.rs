//! When each part was ready, as the server's own log tells it.

use std::collections::HashMap;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A part: its segment's number and its own.
pub type Place = (u64, u32);

/// The log's filter that makes the server tell of its parts.
pub const LOG_FILTER: &str = "info,server::live::window=trace";

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    message: String,
    sequence: Option<u64>,
    part: Option<u32>,
}

/// The moment at which each part could be fetched, in Unix milliseconds, out of a log in JSON.
pub fn times(log: &str) -> HashMap<Place, f64> {
    let told = log.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let told = told.filter(|line| line.fields.message == "part ready");
    told.filter_map(|Line { timestamp, fields }| {
        let at = OffsetDateTime::parse(&timestamp, &Rfc3339).ok()?;
        Some(((fields.sequence?, fields.part?), at.unix_timestamp_nanos() as f64 / 1e6))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_among_other_lines() {
        let log = "{\"level\":\"INFO\",\"fields\":{\"message\":\"live\"}}\nnot JSON\n\
                   {\"timestamp\":\"1970-01-01T00:00:01.000500Z\",\"level\":\"TRACE\",\
                   \"fields\":{\"message\":\"part ready\",\"sequence\":7,\"part\":3}}";
        assert_eq!(times(log), HashMap::from([((7, 3), 1000.5)]));
    }
}

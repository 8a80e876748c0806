//! What a session's publisher got wrong and what was dropped for it: into the log and the metrics.

use std::fmt;

use rtmp_ingest::Stats;

/// The faults of a session, by the name that metrics and log lines give them.
pub(crate) struct Faults([(&'static str, u64); 11]);

impl Faults {
    pub(crate) fn of(stats: &Stats) -> Self {
        Self([
            ("media_outside_publish", stats.media_outside_publish),
            ("corrupt_access_unit", stats.corrupt_access_units),
            ("rejected_config", stats.rejected_configs),
            ("unconfigured_access_unit", stats.unconfigured_access_units),
            ("unsupported_media", stats.unsupported_media),
            ("extra_track", stats.extra_track_media),
            ("malformed_message", stats.malformed_messages),
            ("cut_aggregate", stats.cut_aggregates),
            ("aborted_message", stats.aborted_messages),
            ("timestamp_jump", stats.timestamp_jumps),
            ("timestamp_held", stats.timestamps_held),
        ])
    }

    /// Adds them to this process's figures.
    pub(crate) fn count(&self) {
        for (fault, count) in self.0.iter().filter(|(_, count)| *count > 0) {
            metrics::counter!("weir_ingest_faults_total", "fault" => *fault).increment(*count);
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut found = self.0.iter().filter(|(_, count)| *count > 0).peekable();
        if found.peek().is_none() {
            return f.write_str("none");
        }
        for (index, (fault, count)) in found.enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{count} {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_told() {
        let stats = Stats { corrupt_access_units: 3, timestamp_jumps: 1, messages: 9, ..Stats::default() };
        assert_eq!(Faults::of(&stats).to_string(), "3 corrupt_access_unit, 1 timestamp_jump");
        assert_eq!(Faults::of(&Stats::default()).to_string(), "none");
    }
}

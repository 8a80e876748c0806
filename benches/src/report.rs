//! Figures as a Markdown table for people and as a line of JSON for programs.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::comparison::Comparison;
use crate::measurement::{BrowserMeasurement, Measurement};
use crate::statistics::Summary;

/// All that one run found out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was published, and on what machine.
    pub conditions: String,
    /// The systems that were measured, by name.
    pub systems: Vec<(String, Measurement)>,
    /// Processor time beside ffmpeg's, if that was measured.
    pub comparison: Option<Comparison>,
}

/// A source that is later than this is short of processor time, and so is what it is to measure.
const BUSY_MILLIS: f64 = 100.0;

/// A row's name, its target, and how a measurement is put in its cell.
type Row = (&'static str, &'static str, fn(&Measurement) -> String);

const ROWS: &[Row] = &[
    ("oldest frame of a segment, made → listed, ms", "max ≤ 2150", |m| summary(m.oldest_frame_listed)),
    ("oldest frame, out of the publisher's encoder → listed, ms", "", |m| {
        summary(m.oldest_frame_sent_listed)
    }),
    ("newest frame of a segment, made → listed, ms", "", |m| summary(m.newest_frame_listed)),
    ("a part's oldest frame, out of the publisher's encoder → fetched, ms", "p95 ≤ part + 60", |m| {
        summary(m.oldest_frame_in_part)
    }),
    ("a part's newest frame, the same, ms", "", |m| summary(m.newest_frame_in_part)),
    ("publish accepted → first segment listed, ms", "≤ 2400", |m| millis(m.first_listed_after_publish)),
    ("first frame made → first segment listed, ms", "", |m| millis(m.first_listed_after_first_frame)),
    ("listed segment → fetched, ms", "", |m| summary(m.segment_fetch)),
    ("listed but not fetchable", "0", |m| m.not_fetchable.to_string()),
    ("glass to glass in Chromium, ms", "low p50 ≤ 600, p95 ≤ 800; plain p50 ≤ 3500", |m| {
        in_browser(m, |b| summary(b.glass_to_glass))
    }),
    ("publish accepted → first picture in an open page, ms", "≤ 3000", |m| {
        in_browser(m, |b| millis(b.first_picture_after_publish))
    }),
    ("page opened → first picture, ms", "≤ 1000", |m| in_browser(m, |b| millis(b.first_picture))),
    ("stalls (and their sum, ms)", "", |m| in_browser(m, |b| format!("{} ({:.0})", b.stalls, b.stalled))),
    ("frames: seen / missing / unreadable", "", |m| {
        format!("{} / {} / {}", m.frames, m.missing_frames, m.unreadable_frames)
    }),
    ("CPU-seconds a stream-second", "", |m| format!("{:.3}", m.cpu_per_stream_second)),
    ("peak memory, MB", "", |m| format!("{:.0}", m.peak_memory_kb as f64 / 1024.0)),
    ("written to disk, kB/s", "0 of media", |m| format!("{:.1}", m.disk_bytes_per_second / 1000.0)),
    ("output, kb/s", "", |m| format!("{:.0}", m.output_bits_per_second / 1000.0)),
    ("publisher's own encode, ms (in all of the above)", "", |m| summary(m.publisher_encode)),
    ("source late, worst, ms", "", |m| format!("{:.0}", m.source_lateness_worst)),
];

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.conditions)?;
        if !self.systems.is_empty() {
            write!(f, "| |")?;
            for (name, _) in &self.systems {
                write!(f, " {name} |")?;
            }
            writeln!(f, " target |\n|---|{}---|", "---|".repeat(self.systems.len()))?;
            for (name, target, cell) in ROWS {
                write!(f, "| {name} |")?;
                for (_, measurement) in &self.systems {
                    write!(f, " {} |", cell(measurement))?;
                }
                writeln!(f, " {target} |")?;
            }
            writeln!(f, "\nThree figures in a cell are p50 / p95 / max.")?;
        }
        if let Some(Comparison { weir, ffmpeg, ratio }) = self.comparison {
            writeln!(
                f,
                "\nOne 1080p30 → 720p30 stream, both at once: Weir {weir:.3}, ffmpeg {ffmpeg:.3} CPU-seconds a \
                 stream-second; ratio {ratio:.3} (target ≤ 1.05)."
            )?;
        }
        for (name, measurement) in &self.systems {
            if measurement.source_lateness_worst > BUSY_MILLIS {
                writeln!(
                    f,
                    "\n{name}: the source itself fell behind. The machine was too busy; measure again."
                )?;
            }
            for error in measurement.browser.iter().flat_map(|browser| &browser.errors) {
                writeln!(f, "\n{name}: the page said: {error}")?;
            }
        }
        Ok(())
    }
}

fn summary(summary: Option<Summary>) -> String {
    summary.map_or_else(nothing, |Summary { p50, p95, max, .. }| format!("{p50:.0} / {p95:.0} / {max:.0}"))
}

fn millis(millis: Option<f64>) -> String {
    millis.map_or_else(nothing, |millis| format!("{millis:.0}"))
}

fn in_browser(measurement: &Measurement, cell: fn(&BrowserMeasurement) -> String) -> String {
    measurement.browser.as_ref().map_or_else(nothing, cell)
}

fn nothing() -> String {
    "–".into()
}

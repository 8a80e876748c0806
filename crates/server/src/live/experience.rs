//! What viewers see, as their players report it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::ViewerSample;

/// One player's latest report.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Seconds behind the source.
    latency: Option<f64>,
    /// Times that the picture stood still.
    #[serde(default)]
    pub(super) stalls: u32,
    /// Milliseconds from asking for a picture to the first one.
    startup_ms: Option<f64>,
}

/// The viewers' reports in sum: half of the players, and all but one in twenty, do at least so well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Experience {
    /// Players that report.
    pub(crate) reports: usize,
    /// Seconds behind the source.
    pub(crate) latency_p50: Option<f64>,
    pub(crate) latency_p95: Option<f64>,
    /// Milliseconds to the first picture.
    pub(crate) startup_ms_p50: Option<f64>,
    pub(crate) startup_ms_p95: Option<f64>,
    /// Times that a picture stood still, of all who watch now.
    pub(crate) stalls: u64,
}

impl Experience {
    /// `None` without any report.
    pub(super) fn of<'a>(reports: impl Iterator<Item = &'a Report>) -> Option<Self> {
        let (mut latencies, mut startups, mut stalls, mut count) = (Vec::new(), Vec::new(), 0, 0);
        for report in reports {
            latencies.extend(report.latency.filter(|seconds| (-60.0..3600.0).contains(seconds)));
            startups.extend(report.startup_ms.filter(|millis| (0.0..3_600_000.0).contains(millis)));
            stalls += u64::from(report.stalls);
            count += 1;
        }
        latencies.sort_by(f64::total_cmp);
        startups.sort_by(f64::total_cmp);
        (count > 0).then(|| Self {
            reports: count,
            latency_p50: percentile(&latencies, 50),
            latency_p95: percentile(&latencies, 95),
            startup_ms_p50: percentile(&startups, 50),
            startup_ms_p95: percentile(&startups, 95),
            stalls,
        })
    }

    /// As the catalog keeps it.
    pub(super) fn sample(
        &self,
        slot: u32,
        viewers: usize,
        stalls: u64,
        bits_per_second: u64,
    ) -> ViewerSample {
        let millis = |seconds: f64| (seconds * 1000.0).round().max(0.0) as u32;
        ViewerSample {
            slot,
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
            latency_p50: self.latency_p50.map(millis),
            latency_p95: self.latency_p95.map(millis),
            stalls,
            bits_per_second,
        }
    }
}

/// The least value that so many in a hundred do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_makes_sense() {
        let report = |latency| Report { latency: Some(latency), stalls: 1, startup_ms: None };
        let mut reports: Vec<_> = (1..=100).map(|n| report(f64::from(n) / 100.0)).collect();
        reports.push(report(1e9));
        let seen = Experience::of(reports.iter()).unwrap();
        assert_eq!((seen.latency_p50, seen.latency_p95), (Some(0.5), Some(0.95)));
        assert_eq!((seen.reports, seen.stalls, seen.startup_ms_p50), (101, 101, None));
        assert_eq!(Experience::of([].iter()), None);
    }
}

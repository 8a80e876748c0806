//! Summaries of samples.

use serde::Serialize;

/// The middle, the tail and the worst of a set of samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The median.
    pub p50: f64,
    /// What 95 of 100 samples do not exceed.
    pub p95: f64,
    /// The greatest.
    pub max: f64,
    /// How many samples there were.
    pub count: usize,
}

impl Summary {
    /// `None` of no samples.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        // Nearest rank: always a value that was measured.
        let rank = |percent: usize| sorted[(count * percent).div_ceil(100).max(1) - 1];
        (count > 0).then(|| Self { p50: rank(50), p95: rank(95), max: rank(100), count })
    }
}

/// The slope of the straight line nearest to `points` (least squares), in y a unit of x.
///
/// `None` where there is no line: fewer than two points, or all at one x.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let shared: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    (spread > 0.0).then(|| shared / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let summary = Summary::of((1..=100).rev().map(f64::from)).expect("there are samples");
        assert_eq!(summary, Summary { p50: 50.0, p95: 95.0, max: 100.0, count: 100 });
        assert_eq!(Summary::of([7.0]), Some(Summary { p50: 7.0, p95: 7.0, max: 7.0, count: 1 }));
        assert_eq!(Summary::of([]), None);
    }

    #[test]
    fn a_line_has_its_slope() {
        assert_eq!(slope(&[(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]), Some(2.0));
        assert_eq!(slope(&[(1.0, 5.0), (1.0, 7.0)]), None);
        assert_eq!(slope(&[]), None);
    }
}

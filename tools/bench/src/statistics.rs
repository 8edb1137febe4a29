//! What many measurements come to.

use std::fmt;

/// The middle of many measurements, and how far the middle half of them spreads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) lower_quartile: f64,
    pub(super) median: f64,
    pub(super) upper_quartile: f64,
}

impl Summary {
    /// Sums measurements up. `None` if there are none.
    pub(super) fn of(measurements: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self {
            lower_quartile: percentile(&sorted, 25)?,
            median: percentile(&sorted, 50)?,
            upper_quartile: percentile(&sorted, 75)?,
        })
    }
}

impl fmt::Display for Summary {
    /// Writes e.g. `2.31 (2.20–2.54)`, with the precision that is asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lower_quartile, median, upper_quartile } = self;
        let precision = f.precision().unwrap_or(2);
        write!(
            f,
            "{median:.precision$} ({lower_quartile:.precision$}–{upper_quartile:.precision$})"
        )
    }
}

/// The smallest value that so many percent of `sorted` do not exceed.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measurements() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 0), Some(1.0));
        assert_eq!(percentile(&sorted, 50), Some(50.0));
        assert_eq!(percentile(&sorted, 99), Some(99.0));
        assert_eq!(percentile(&sorted, 100), Some(100.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_summary_needs_no_order() {
        let summary = Summary::of([3.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!(format!("{summary:.1}"), "2.0 (1.0–3.0)");
        assert_eq!(Summary::of([]), None);
    }
}

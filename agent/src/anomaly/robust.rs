//! Median and spread that a few wild values cannot move.

/// From the median absolute deviation to a standard deviation, for normally distributed values.
pub(super) const MAD_TO_DEVIATION: f64 = 1.4826;

/// What is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    /// The median.
    pub(super) median: f64,
    /// The usual distance from it.
    pub(super) spread: f64,
}

impl Usual {
    /// Of these values; absent without any. `noise` is the least spread that counts, so that a
    /// flat series does not make a hair's breadth unusual.
    pub(super) fn of(values: &[f64], noise: f64) -> Option<Self> {
        let median = median(values)?;
        let distances: Vec<_> = values.iter().map(|value| (value - median).abs()).collect();
        let spread = self::median(&distances)? * MAD_TO_DEVIATION;
        Some(Self { median, spread: spread.max(noise) })
    }

    /// How many spreads above the median a value is.
    pub(super) fn score(self, value: f64) -> f64 {
        (value - self.median) / self.spread
    }
}

/// The middle value; absent without any.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut values = values.to_vec();
    let even = values.len().is_multiple_of(2);
    let middle = values.len() / 2;
    let (lower, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let below = lower.iter().copied().max_by(f64::total_cmp);
    Some(below.filter(|_| even).map_or(*upper, |below| f64::midpoint(below, *upper)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn wild_values_do_not_move_what_is_usual() {
        let mut values: Vec<_> = (0..97).map(|index| 10.0 + f64::from(index % 5)).collect();
        values.extend([1e9, 1e9, 1e9]);
        let usual = Usual::of(&values, 0.1).unwrap();
        assert!((usual.median - 12.0).abs() < 1e-9);
        assert!(usual.spread < 2.0);
        assert!(usual.score(1e9) > 1e6);
    }

    #[test]
    fn a_flat_series_has_the_spread_of_noise() {
        assert!((Usual::of(&[5.0; 40], 2.0).unwrap().score(7.0) - 1.0).abs() < 1e-9);
    }
}

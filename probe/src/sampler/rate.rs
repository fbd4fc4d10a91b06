//! Growth of a counter.

use std::time::Duration;

/// How fast a counter grew, in whole units a second. Absent where it fell, since it began anew,
/// and where no time passed.
pub(super) fn per_second(before: u64, now: u64, elapsed: Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    let growth = now.checked_sub(before)?;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
    (seconds > 0.0).then(|| (growth as f64 / seconds).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_growth_over_time() {
        assert_eq!(per_second(1_000, 21_000, Duration::from_secs(10)), Some(2_000.0));
        assert_eq!(per_second(7, 7, Duration::from_secs(10)), Some(0.0));
    }

    #[test]
    fn a_counter_that_began_anew_has_no_rate() {
        assert_eq!(per_second(21_000, 1_000, Duration::from_secs(10)), None);
        assert_eq!(per_second(1, 2, Duration::ZERO), None);
    }
}

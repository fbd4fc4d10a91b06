//! Pauses, none of which two connections share: thousands of them never act in one moment.

use std::time::Duration;

use rand::Rng as _;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What each connection costs the broker when all of them turn to it.
const SHARE: Duration = Duration::from_micros(300);

/// About this time: four fifths of it to all of it.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.8..=1.0))
}

/// The pause after so many failures before this one.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(16));
    doubled.min(LONGEST_PAUSE).mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// A moment of its own for one of so many connections, at most `longest` away.
pub(super) fn spread(connections: usize, longest: Duration) -> Duration {
    let connections = u32::try_from(connections).unwrap_or(u32::MAX);
    SHARE.saturating_mul(connections).min(longest).mul_f64(rand::rng().random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_bounds() {
        let half_minute = Duration::from_secs(30);
        for failures in [0, 1, 7, u32::MAX] {
            let pause = backoff(failures);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE, "{pause:?}");
        }
        let pause = jittered(half_minute);
        assert!(pause >= Duration::from_secs(24) && pause <= half_minute);
    }

    #[test]
    fn few_connections_do_not_wait_for_each_other() {
        assert!(spread(1, Duration::from_secs(3)) <= SHARE);
        assert!(spread(usize::MAX, Duration::from_secs(3)) <= Duration::from_secs(3));
    }
}

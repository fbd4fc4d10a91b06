//! How long to wait before the next attempt.

use std::time::Duration;

use rand::{Rng, SeedableRng as _, rngs::StdRng};

/// An endless series of waits that doubles from `least` to `most`.
///
/// Each wait is drawn evenly from the upper half of its step, so that many clients that lost the
/// same server do not come back in the same moment, and none comes back at once.
#[derive(Debug)]
pub struct Backoff<R = StdRng> {
    least: Duration,
    most: Duration,
    step: Duration,
    rng: R,
}

impl Backoff {
    /// Waits between `least` and `most`, with randomness of the operating system.
    pub fn new(least: Duration, most: Duration) -> Self {
        Self::with_rng(least, most, StdRng::from_os_rng())
    }
}

impl<R: Rng> Backoff<R> {
    /// Waits between `least` and `most`, with this randomness.
    pub fn with_rng(least: Duration, most: Duration, rng: R) -> Self {
        let most = most.max(least);
        Self { least, most, step: least, rng }
    }

    /// The next wait; the one after it is drawn from a step twice as long.
    pub fn wait(&mut self) -> Duration {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.most);
        step.mul_f64(self.rng.random_range(0.5..=1.0))
    }

    /// Starts again at `least`, after an attempt that worked.
    pub fn reset(&mut self) {
        self.step = self.least;
    }
}

impl<R: Rng> Iterator for Backoff<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.wait())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(5);

    fn seeded(seed: u64) -> Backoff {
        Backoff::with_rng(LEAST, MOST, StdRng::seed_from_u64(seed))
    }

    #[test]
    fn each_wait_lies_in_the_upper_half_of_its_step() {
        for seed in 0..100 {
            let mut step = LEAST;
            for wait in seeded(seed).take(20) {
                assert!(wait >= step / 2 && wait <= step, "{wait:?} for a step of {step:?}");
                step = (step * 2).min(MOST);
            }
            assert_eq!(step, MOST);
        }
    }

    #[test]
    fn two_clients_do_not_wait_alike() {
        let waits = |seed| seeded(seed).take(5).collect::<Vec<_>>();
        assert_ne!(waits(1), waits(2));
        assert_eq!(waits(1), waits(1));
    }

    #[test]
    fn a_reset_starts_at_the_least_wait() {
        let mut backoff = seeded(7);
        assert!(backoff.by_ref().take(8).last().is_some_and(|wait| wait > LEAST));
        backoff.reset();
        assert!(backoff.wait() <= LEAST);
    }

    #[test]
    fn bounds_in_the_wrong_order_and_the_longest_times_do_not_overflow() {
        let mut backoff = Backoff::with_rng(MOST, LEAST, StdRng::seed_from_u64(1));
        assert!(backoff.wait() <= MOST && backoff.wait() >= MOST / 2);
        let half = Duration::MAX / 2;
        let mut backoff = Backoff::with_rng(half, half, StdRng::seed_from_u64(1));
        assert!(backoff.wait() <= half && backoff.wait() >= half / 4);
    }
}

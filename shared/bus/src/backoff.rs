//! How long to wait before the next attempt, and when to say that one waits.

use std::time::{Duration, Instant};

use rand::Rng;

/// A warning for what goes on waiting comes at most this often.
const WARN_EVERY: Duration = Duration::from_secs(30);

/// Doubling pauses with jitter, so that many clients do not come back in one moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    attempt: u32,
    warned: Option<Instant>,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, attempt: 0, warned: None }
    }

    /// Sleeps before the next attempt.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = delay(self.first, self.most, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        pause
    }

    /// True the first time and then every half minute.
    pub(crate) fn should_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }

    /// What failed works again.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
        self.warned = None;
    }
}

/// `first` doubled `attempt` times, at most `most`, of which a random half to all.
pub(crate) fn delay(first: Duration, most: Duration, attempt: u32) -> Duration {
    let doubled = first.saturating_mul(1_u32 << attempt.min(16));
    doubled.min(most).mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_no_further() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(4));
        for attempt in [0, 3, 10, u32::MAX] {
            let pause = delay(first, most, attempt);
            assert!(pause >= first / 2 && pause <= most, "{attempt}: {pause:?}");
        }
    }

    #[test]
    fn a_warning_is_not_repeated_at_once() {
        let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert!(backoff.should_warn());
        assert!(!backoff.should_warn());
    }
}

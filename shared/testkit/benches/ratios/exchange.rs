//! Two who seal to each other and open, and how long that takes them.

use std::time::{Duration, Instant};

/// A pair with a complete session.
pub(crate) trait Exchange {
    /// What travels.
    type Sealed;

    /// The one of this number, 0 or 1, seals to the other.
    fn seal(&mut self, from: usize) -> Self::Sealed;

    /// The one of this number opens.
    fn open(&mut self, to: usize, sealed: Self::Sealed);
}

/// Messages in one direction.
pub(crate) fn one_way(pair: &mut impl Exchange, count: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..count {
        let sealed = pair.seal(0);
        pair.open(1, sealed);
    }
    started.elapsed()
}

/// As many messages, each an answer to the one before: every one turns the ratchets.
pub(crate) fn ping_pong(pair: &mut impl Exchange, count: u64) -> Duration {
    let started = Instant::now();
    for number in 0..count {
        let from = usize::from(number % 2 == 1);
        let sealed = pair.seal(from);
        pair.open(1 - from, sealed);
    }
    started.elapsed()
}

/// Sealing alone, of messages in one direction.
pub(crate) fn sealing(pair: &mut impl Exchange, count: u64) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..count {
        let started = Instant::now();
        let sealed = pair.seal(0);
        took += started.elapsed();
        pair.open(1, sealed);
    }
    took
}

/// Opening alone, of messages in one direction.
pub(crate) fn opening(pair: &mut impl Exchange, count: u64) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..count {
        let sealed = pair.seal(0);
        let started = Instant::now();
        pair.open(1, sealed);
        took += started.elapsed();
    }
    took
}

//! One limit for many keys, in bounded memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

/// Keys that are known at once: a megabyte or two. Whoever comes beyond that shares one account
/// until others have been quiet for long enough to be forgotten.
const KEYS_MAX: usize = 65_536;
/// So often keys are forgotten that make no difference any more.
const SWEEP_EVERY: usize = 1024;
/// The account of everybody who has none.
const SHARED: u64 = 0;

/// A limit for each key. Keys are kept as keyed hashes, so that memory holds no names and an
/// entry has a fixed size.
pub(super) struct Keyed<C: Clock> {
    limiter: RateLimiter<u64, Accounts, C, NoOpMiddleware<C::Instant>>,
    hasher: RandomState,
    checks: AtomicUsize,
}

impl<C: Clock> Keyed<C> {
    pub(super) fn new(quota: Quota, clock: C) -> Self {
        Self::with_room(quota, clock, KEYS_MAX)
    }

    fn with_room(quota: Quota, clock: C, room: usize) -> Self {
        let accounts = Accounts { room, known: Mutex::default() };
        Self {
            limiter: RateLimiter::new(quota, accounts, clock),
            hasher: RandomState::new(),
            checks: AtomicUsize::new(0),
        }
    }

    /// Takes one from the key's account; else says when there is one again.
    pub(super) fn check(&self, key: impl Hash) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let key = self.hasher.hash_one(key).max(SHARED + 1);
        self.limiter
            .check_key(&key)
            .map_err(|refused| refused.wait_time_from(self.limiter.clock().now()))
    }
}

/// Each key's theoretical time of arrival, as the generic cell rate algorithm has it.
struct Accounts {
    room: usize,
    known: Mutex<HashMap<u64, u64>>,
}

impl Accounts {
    fn known(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        // Numbers that are each whole: a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Accounts {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut known = self.known();
        let has_room = known.len() < self.room || known.contains_key(key);
        let key = if has_room { *key } else { SHARED };
        let (outcome, next) = judge(known.get(&key).copied().map(Nanos::from))?;
        known.insert(key, next.as_u64());
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<u64> for Accounts {
    fn retain_recent(&self, drop_below: Nanos) {
        self.known().retain(|_, arrival| *arrival > drop_below.as_u64());
    }

    fn len(&self) -> usize {
        self.known().len()
    }

    fn is_empty(&self) -> bool {
        self.known().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn two_a_second(room: usize) -> (Keyed<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(NonZeroU32::new(2).unwrap());
        (Keyed::with_room(quota, clock.clone(), room), clock)
    }

    #[test]
    fn the_wait_is_exact() {
        let (keyed, clock) = two_a_second(10);
        keyed.check("a").unwrap();
        keyed.check("a").unwrap();
        assert_eq!(keyed.check("a"), Err(Duration::from_millis(500)));
        clock.advance(Duration::from_nanos(499_999_999));
        assert_eq!(keyed.check("a"), Err(Duration::from_nanos(1)));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(keyed.check("a"), Ok(()));
    }

    #[test]
    fn beyond_the_room_all_share_one_account_and_the_known_keep_theirs() {
        let (keyed, _) = two_a_second(3);
        for key in 0..3 {
            keyed.check(key).unwrap();
        }
        assert!(keyed.check(100).is_ok() && keyed.check(101).is_ok());
        assert!(keyed.check(102).is_err(), "the shared account is empty");
        assert!(keyed.check(0).is_ok());
        assert_eq!(keyed.limiter.len(), 4);
    }

    #[test]
    fn quiet_keys_are_forgotten() {
        let (keyed, clock) = two_a_second(KEYS_MAX);
        for key in 0..SWEEP_EVERY - 2 {
            keyed.check(key).unwrap();
        }
        assert_eq!(keyed.limiter.len(), SWEEP_EVERY - 2);
        clock.advance(Duration::from_secs(5));
        keyed.check("later").unwrap();
        keyed.check("later").unwrap();
        assert_eq!(keyed.limiter.len(), 1);
    }
}

//! Refusals that come late. Who goes on calling while it is refused gets the next refusals after a
//! pause, so that a loop without a pause of its own cannot take the time of others.

use std::{num::NonZeroU32, time::Duration};

use governor::{Quota, clock::Clock};
use tokio::sync::Semaphore;

use super::{keyed::Keyed, settings::at_least_one};

/// How long a refusal is held back.
const PAUSE: Duration = Duration::from_secs(1);
/// Refusals in a row that come at once, and then one a second.
const AT_ONCE: NonZeroU32 = at_least_one(8);
/// Refusals that are held back at the same time; further ones come at once, since what waits
/// takes memory.
const HELD_MAX: usize = 1024;

pub(super) struct Held<C: Clock> {
    refusals: Keyed<C>,
    places: Semaphore,
}

impl<C: Clock> Held<C> {
    pub(super) fn new(clock: C) -> Self {
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(AT_ONCE);
        Self { refusals: Keyed::new(quota, clock), places: Semaphore::new(HELD_MAX) }
    }

    /// Returns when the next refusal of somebody with this account may go out.
    pub(super) async fn refusal(&self, account: u64) {
        if self.refusals.check(account).is_ok() {
            return;
        }
        if let Ok(_place) = self.places.try_acquire() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[tokio::test]
    async fn only_who_does_not_heed_refusals_waits_for_the_next() {
        let held = Held::new(FakeRelativeClock::default());
        for _ in 0..AT_ONCE.get() {
            assert!(held.refusal(1).now_or_never().is_some());
        }
        assert!(held.refusal(1).now_or_never().is_none());
        assert!(held.refusal(2).now_or_never().is_some());
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_held_back() {
        let held = Held::new(FakeRelativeClock::default());
        for _ in 0..AT_ONCE.get() {
            held.refusal(1).await;
        }
        let mut waiting = Box::pin(join_all((0..HELD_MAX).map(|_| held.refusal(1))));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(held.refusal(1).now_or_never().is_some());
    }
}

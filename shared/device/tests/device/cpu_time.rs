//! Work, which a busy machine does not make look like more.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::participant::World;

/// What an envelope may cost until it is known who sealed it.
const LIMIT: Duration = Duration::from_millis(5);
/// The same in honest messages, for a machine that is slow or shared: there 5 ms are little.
const HONEST: u32 = 25;
/// Of so many honest messages the cheapest counts.
const TIMES: u32 = 20;

/// From here on it is worth looking twice.
pub(crate) const MUCH: Duration = Duration::from_millis(2);

/// Runs something; returns what this thread worked for it.
pub(crate) fn of<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let before = now();
    let outcome = run();
    (outcome, now().saturating_sub(before))
}

/// Whether an envelope cost no more than it may: 5 ms, or 25 times what an honest one costs here.
pub(crate) fn is_little(worked: Duration) -> bool {
    worked <= LIMIT || worked <= honest() * HONEST
}

/// What an honest message costs to open.
fn honest() -> Duration {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    alice.meet(&mut bob);
    alice.introduce(&mut bob);
    let opened = |_| {
        let (_, sealed) = alice.say(&bob, "how long does this take?");
        of(|| bob.open(&sealed)).1
    };
    (0..TIMES).map(opened).min().unwrap()
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

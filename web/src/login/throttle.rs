//! How often one may guess.
//!
//! A peer has a few guesses at once; each further wrong one makes it wait twice as long as the one
//! before. All peers together have a budget, so that many addresses help little. Where somebody
//! has logged in before, the budget does not matter: others cannot use it up for them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sysmaint_service::http_server::Peer;

/// Wrong guesses of a peer before it has to wait.
const FREE: u32 = 5;

/// The longest wait, and after how long without a guess all is forgotten.
const PAUSE_MAX: Duration = Duration::from_mins(15);
const FORGET: Duration = Duration::from_hours(1);

/// All peers together: so many wrong guesses at once, and then one in each of these.
const BUDGET: u32 = 20;
const EACH: Duration = Duration::from_secs(2);

/// Peers that are remembered for having logged in.
const WELCOME_MAX: usize = 64;

/// Counts guesses. The time is the caller's.
pub(super) struct Throttle(Mutex<State>);

struct State {
    peers: HashMap<Peer, Guesses>,
    /// When all of the budget will be there again.
    whole_at: Instant,
    welcome: VecDeque<Peer>,
}

/// Those of one peer since it last logged in.
struct Guesses {
    count: u32,
    last: Instant,
    next: Instant,
}

impl Throttle {
    pub(super) fn new(now: Instant) -> Self {
        let (peers, welcome) = (HashMap::new(), VecDeque::new());
        Self(Mutex::new(State { peers, whole_at: now, welcome }))
    }

    /// Lets a guess be judged and counts it as wrong, or says how long to wait.
    pub(super) fn admit(&self, peer: Peer, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        if let Some(guesses) = state.peers.get(&peer)
            && now < guesses.next
        {
            return Err(guesses.next - now);
        }
        if !state.welcome.contains(&peer) {
            let whole_at = state.whole_at.max(now) + EACH;
            if let Some(over) = (whole_at - now).checked_sub(EACH * BUDGET)
                && !over.is_zero()
            {
                return Err(over);
            }
            state.whole_at = whole_at;
        }
        state.peers.retain(|_, guesses| now.saturating_duration_since(guesses.last) < FORGET);
        let fresh = Guesses { count: 0, last: now, next: now };
        let guesses = state.peers.entry(peer).or_insert(fresh);
        guesses.count = guesses.count.saturating_add(1);
        guesses.last = now;
        guesses.next = now + pause(guesses.count);
        Ok(())
    }

    /// The guess was right.
    pub(super) fn succeeded(&self, peer: Peer, now: Instant) {
        let mut state = self.state();
        state.peers.remove(&peer);
        if state.welcome.contains(&peer) {
            return;
        }
        // It was paid for as if it were wrong.
        state.whole_at = state.whole_at.checked_sub(EACH).map_or(now, |whole_at| whole_at.max(now));
        if state.welcome.len() == WELCOME_MAX {
            state.welcome.pop_front();
        }
        state.welcome.push_back(peer);
    }

    /// Nothing panics while it holds the lock, so the counts hold even if somebody had.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a peer waits after so many wrong guesses.
fn pause(count: u32) -> Duration {
    let Some(further) = count.checked_sub(FREE) else { return Duration::ZERO };
    Duration::from_secs(1_u64.checked_shl(further.min(32)).unwrap_or(u64::MAX)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn peer(number: u32) -> Peer {
        IpAddr::V4(Ipv4Addr::from(number)).into()
    }

    /// A throttle, and the clock that is moved.
    fn stage() -> (Throttle, Instant) {
        let now = Instant::now();
        (Throttle::new(now), now)
    }

    #[test]
    fn a_peer_waits_twice_as_long_each_time() {
        let (throttle, mut now) = stage();
        for _ in 0..FREE {
            throttle.admit(peer(1), now).unwrap();
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let pause = throttle.admit(peer(1), now).unwrap_err();
            assert_eq!(pause, Duration::from_secs(seconds));
            // Asking meanwhile makes it no longer.
            assert_eq!(throttle.admit(peer(1), now), Err(pause));
            now += pause;
            throttle.admit(peer(1), now).unwrap();
        }
    }

    #[test]
    fn who_is_right_begins_anew_and_so_does_who_was_away() {
        let (throttle, mut now) = stage();
        for _ in 0..FREE {
            throttle.admit(peer(1), now).unwrap();
        }
        now += Duration::from_secs(1);
        throttle.admit(peer(1), now).unwrap();
        throttle.succeeded(peer(1), now);
        for _ in 0..FREE {
            throttle.admit(peer(1), now).unwrap();
        }
        assert!(throttle.admit(peer(1), now).is_err());
        now += FORGET;
        for _ in 0..FREE {
            throttle.admit(peer(1), now).unwrap();
        }
    }

    #[test]
    fn a_flood_from_one_address_takes_nothing_from_another() {
        let (throttle, mut now) = stage();
        for _ in 0..3600 {
            for _ in 0..100 {
                let _ = throttle.admit(peer(1), now);
            }
            throttle.admit(peer(2), now).unwrap();
            throttle.succeeded(peer(2), now);
            throttle.state().welcome.clear();
            now += Duration::from_secs(1);
        }
    }

    #[test]
    fn many_addresses_share_a_budget_that_comes_back() {
        let (throttle, mut now) = stage();
        for number in 0..BUDGET {
            throttle.admit(peer(number), now).unwrap();
        }
        assert_eq!(throttle.admit(peer(1000), now), Err(EACH));
        now += EACH;
        throttle.admit(peer(1000), now).unwrap();
        assert_eq!(throttle.admit(peer(1001), now), Err(EACH));
    }

    #[test]
    fn who_has_logged_in_before_needs_no_part_of_the_budget() {
        let (throttle, now) = stage();
        throttle.admit(peer(7), now).unwrap();
        throttle.succeeded(peer(7), now);
        for number in 100..200 {
            let _ = throttle.admit(peer(number), now);
        }
        assert!(throttle.admit(peer(8), now).is_err());
        throttle.admit(peer(7), now).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (throttle, mut now) = stage();
        for number in 0..20_000 {
            let _ = throttle.admit(peer(number), now);
            throttle.succeeded(peer(number + 1_000_000), now);
            now += EACH;
        }
        let state = throttle.state();
        assert!(state.peers.len() <= 3600 / 2 + BUDGET as usize, "{}", state.peers.len());
        assert_eq!(state.welcome.len(), WELCOME_MAX);
    }
}

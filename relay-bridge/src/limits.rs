//! How often who may ask. Every bridge counts for itself; what is counted is in memory and has an
//! end.
//!
//! * A device's messages, a batch as one, and its other calls.
//! * The calls of an address that shows no valid token, and its registrations.
//! * Bundles, by who asks for whose: each takes two prekeys out of somebody's pool.

mod held;
mod keyed;
mod limited;
mod settings;

use std::{
    fmt,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::Arc,
};

use governor::clock::{Clock, DefaultClock};
use sysmaint_protocol::{Handle, subject::Mailbox};
use sysmaint_service::http_server::Peer;

pub(crate) use limited::{Limited, What};
pub use settings::LimitSettings;

use self::{held::Held, keyed::Keyed};
use crate::counters::{Counters, Event};

/// Every limit of one bridge. Clones share it.
#[derive(Clone)]
pub(crate) struct Limits<C: Clock = DefaultClock>(Arc<Inner<C>>);

struct Inner<C: Clock> {
    messages: Keyed<C>,
    bundles: Keyed<C>,
    challenges: Keyed<C>,
    registrations: Keyed<C>,
    calls: Keyed<C>,
    held: Held<C>,
    counters: Arc<Counters>,
    accounts: RandomState,
}

/// On whose account a call goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// A device that has shown its token.
    Device(Mailbox),
    /// Whoever else calls from there.
    Peer(Peer),
}

impl Limits {
    pub(crate) fn new(settings: &LimitSettings, counters: Arc<Counters>) -> Self {
        Self::with_clock(settings, counters, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn with_clock(settings: &LimitSettings, counters: Arc<Counters>, clock: &C) -> Self {
        let keyed = |quota| Keyed::new(quota, clock.clone());
        Self(Arc::new(Inner {
            messages: keyed(settings.messages()),
            bundles: keyed(settings.bundles()),
            challenges: keyed(settings.registrations()),
            registrations: keyed(settings.registrations()),
            calls: keyed(settings.calls()),
            held: Held::new(clock.clone()),
            counters,
            accounts: RandomState::new(),
        }))
    }

    /// Counts one message, or one batch of them, that a device wants to send.
    pub(crate) fn message(&self, device: &Mailbox) -> Result<(), Limited> {
        self.judge(&self.0.messages, device, What::Messages, Event::MessageLimited)
    }

    /// Counts one bundle that is about to be handed out.
    pub(crate) fn bundle(&self, requester: &Handle, target: &Handle) -> Result<(), Limited> {
        self.judge(&self.0.bundles, (requester, target), What::Bundles, Event::BundleLimited)
    }

    /// Counts one challenge that an address asks for.
    pub(crate) fn challenge(&self, peer: Peer) -> Result<(), Limited> {
        let event = Event::RegistrationLimited;
        self.judge(&self.0.challenges, peer, What::Registrations, event)
    }

    /// Counts one registration from an address, whatever comes of it.
    pub(crate) fn registration(&self, peer: Peer) -> Result<(), Limited> {
        let event = Event::RegistrationLimited;
        self.judge(&self.0.registrations, peer, What::Registrations, event)
    }

    /// Counts one call of any kind that has no limit of its own.
    pub(crate) fn call(&self, caller: &Caller) -> Result<(), Limited> {
        self.judge(&self.0.calls, caller, What::Calls, Event::CallLimited)
    }

    /// Waits a while before another refusal to somebody who does not heed them.
    pub(crate) async fn hold_refusal(&self, limited: Limited) {
        self.0.held.refusal(limited.account()).await;
    }

    fn judge(
        &self,
        limit: &Keyed<C>,
        key: impl Hash,
        what: What,
        event: Event,
    ) -> Result<(), Limited> {
        limit.check(&key).map_err(|wait| {
            self.0.counters.count(event);
            Limited::new(what, wait, self.0.accounts.hash_one((what, key)))
        })
    }
}

impl<C: Clock> fmt::Debug for Limits<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Limits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use sysmaint_protocol::DeviceId;

    use super::*;

    fn limits() -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let (clock, counters) = (FakeRelativeClock::default(), Arc::default());
        (Limits::with_clock(&LimitSettings::default(), counters, &clock), clock)
    }

    fn device(handle: &str) -> Mailbox {
        Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
    }

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<std::net::IpAddr>().unwrap())
    }

    #[test]
    fn a_device_sends_sixty_messages_and_then_one_a_second() {
        let (limits, clock) = limits();
        let alice = device("alice");
        for _ in 0..60 {
            limits.message(&alice).unwrap();
        }
        assert_eq!(limits.message(&alice).unwrap_err().seconds(), 1);
        limits.message(&device("bob")).unwrap();
        clock.advance(Duration::from_secs(1));
        limits.message(&alice).unwrap();
        limits.message(&alice).unwrap_err();
        clock.advance(Duration::from_mins(1));
        assert_eq!((0..100).take_while(|_| limits.message(&alice).is_ok()).count(), 60);
    }

    #[test]
    fn six_bundles_of_one_target_in_ten_minutes() {
        let (limits, clock) = limits();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| name.parse().unwrap());
        for _ in 0..6 {
            limits.bundle(&alice, &bob).unwrap();
        }
        assert_eq!(limits.bundle(&alice, &bob).unwrap_err().seconds(), 100);
        limits.bundle(&alice, &carol).unwrap();
        limits.bundle(&carol, &bob).unwrap();
        clock.advance(Duration::from_millis(99_001));
        assert_eq!(limits.bundle(&alice, &bob).unwrap_err().seconds(), 1);
        clock.advance(Duration::from_millis(999));
        limits.bundle(&alice, &bob).unwrap();
    }

    #[test]
    fn six_registrations_of_one_address_and_then_one_in_thirty_seconds() {
        let (limits, _) = limits();
        let near = peer("192.0.2.1");
        for _ in 0..6 {
            limits.challenge(near).unwrap();
            limits.registration(near).unwrap();
        }
        assert_eq!(limits.challenge(near).unwrap_err().seconds(), 30);
        assert_eq!(limits.registration(near).unwrap_err().seconds(), 30);
        limits.registration(peer("192.0.2.2")).unwrap();
    }

    #[test]
    fn a_device_and_its_address_have_accounts_of_their_own() {
        let (limits, _) = limits();
        let near = Caller::Peer(peer("192.0.2.1"));
        let mut calls = 0;
        while limits.call(&near).is_ok() {
            calls += 1;
        }
        assert_eq!(calls, 200);
        limits.call(&Caller::Device(device("alice"))).unwrap();
    }

    #[test]
    fn what_is_refused_is_counted() {
        let (limits, _) = limits();
        let alice = device("alice");
        for _ in 0..63 {
            let _refused_at_the_end = limits.message(&alice);
        }
        assert_eq!(limits.0.counters.rejects()["messages_rate_limited"], 3);
    }
}

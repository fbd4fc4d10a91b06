//! A real nats-server, a way to it that may be bad, and a clock that a test moves.

use std::sync::Arc;

use sysmaint_bus::{Mailbox, conf::Durability};
use sysmaint_protocol::subject;
use sysmaint_testkit::{Detour, Faults, Moment, Nats, Participant, World};

/// Where alice and bob are.
pub(crate) struct Site {
    pub(crate) moment: Moment,
    pub(crate) detour: Detour,
    pub(crate) world: World,
    nats: Nats,
}

impl Site {
    pub(crate) async fn new(faults: Faults) -> Self {
        let nats = Nats::start(Durability::Process, &["alice", "bob"]).await;
        let moment = Moment::default();
        let detour = Detour::new(1, faults, moment.clock());
        Self { detour, world: World::at(moment.clock()), moment, nats }
    }

    pub(crate) async fn mailbox(&self, handle: &str) -> Arc<dyn Mailbox> {
        self.detour.to(self.nats.mailbox(handle).await)
    }

    pub(crate) async fn participant(&self, handle: &str) -> Participant {
        self.world.participant(handle, self.mailbox(handle).await).await
    }

    /// One whose clock can be wrong.
    pub(crate) async fn participant_with_a_clock(&self, handle: &str) -> (Participant, Moment) {
        let moment = Moment::default();
        let world = self.world.with_clock(moment.clock());
        (world.participant(handle, self.mailbox(handle).await).await, moment)
    }

    /// Two who know each other.
    pub(crate) async fn two(&self) -> (Participant, Participant) {
        let (alice, bob) = (self.participant("alice").await, self.participant("bob").await);
        alice.meet(&bob).await;
        (alice, bob)
    }

    /// Takes everything out of a mailbox, as whoever has the broker can. Returns how much that
    /// was.
    pub(crate) async fn clear(&self, mailbox: &subject::Mailbox) -> u64 {
        self.nats.clear(mailbox).await
    }
}

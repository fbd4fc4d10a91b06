//! What is worth something for a moment only: handed on, or lost without harm.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sysmaint_bus::{Deliveries, Mailbox, OpenError, PublishError};
use sysmaint_device::Sealed;
use sysmaint_endpoint::{Activity, Endpoint, StepError};
use sysmaint_protocol::{
    ContentId, DeviceId, Handle, Kind,
    body::{self, Delta},
    limits::{EPHEMERAL_UNCONFIRMED, EPHEMERAL_UNSENT},
    subject,
};
use sysmaint_testkit::{Faults, Link, Moment, World, eventually};
use tokio::sync::broadcast::Receiver;

use crate::conversation::{dead, keep, kept, outbox};

const PROMPT: ContentId = ContentId::from_bytes([7; 16]);

/// Tells one part; whether there was room for it.
async fn tell(from: &Endpoint, to: &Handle, seq: u32) -> bool {
    let to = to.clone();
    from.step(move |step| -> Result<bool, StepError> {
        let delta = Delta { attempt: 1, seq, text: format!("part {seq}") };
        step.send_ephemeral(&to, DeviceId::FIRST, Some(PROMPT), &delta)
    })
    .await
    .unwrap()
}

async fn next_delta(activity: &mut Receiver<Activity>) -> Delta {
    loop {
        if let Activity::Ephemeral(message) = activity.recv().await.unwrap() {
            assert_eq!((message.kind, message.in_reply_to), (Kind::Delta, Some(PROMPT)));
            return body::decode(&message.body).unwrap();
        }
    }
}

/// Loses all that is ephemeral on its way, as if its time had been over before anybody came.
struct Forgetful(Link);

#[async_trait]
impl Mailbox for Forgetful {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        if sealed.is_ephemeral() { Ok(()) } else { self.0.publish(sealed).await }
    }

    fn carries_ephemeral(&self) -> bool {
        true
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        self.0.open(own).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ephemeral_is_handed_on_and_leaves_nothing_behind() {
    let link = Link::new(1, Faults::default());
    let world = World::new();
    let agent = world.participant("agent", Arc::new(link.clone())).await;
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    agent.meet(&alice).await;
    agent.say(&alice, "first").await;
    let reading = tokio::spawn(keep(alice.clone()));
    assert_eq!(kept(&alice, 1).await, ["first"]);

    let mut activity = alice.activity();
    for seq in 1..=5 {
        assert!(tell(&agent, alice.handle(), seq).await);
        let delta = next_delta(&mut activity).await;
        assert_eq!((delta.seq, delta.text), (seq, format!("part {seq}")));
    }
    let slot = alice.slot();
    let unhandled = alice.store().read(move |view| view.inbox().unhandled(slot, 0, 10)).await;
    assert!(unhandled.unwrap().is_empty());
    eventually("an empty outbox", async || (outbox(&agent).await == 0).then_some(())).await;
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_of_it_never_hurts_what_comes_later() {
    let link = Link::new(2, Faults::default());
    let world = World::new();
    let agent = world.participant("agent", Arc::new(Forgetful(link.clone()))).await;
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    agent.meet(&alice).await;
    let reading = tokio::spawn(keep(alice.clone()));
    let mut said = vec!["hello".to_owned()];
    agent.say(&alice, &said[0]).await;
    kept(&alice, 1).await;

    for round in 1..=5 {
        // As much as there is room for, which is there again after each confirmed message.
        eventually("room again", async || {
            let room = room(&agent, &alice).await;
            (room == EPHEMERAL_UNCONFIRMED).then_some(())
        })
        .await;
        let mut told = 0;
        while tell(&agent, alice.handle(), told + 1).await {
            told += 1;
        }
        assert_eq!(told, EPHEMERAL_UNCONFIRMED);
        said.push(format!("message {round}"));
        agent.say(&alice, said.last().unwrap()).await;
        assert_eq!(kept(&alice, said.len()).await, said);
    }
    assert_eq!(dead(&alice).await, []);
    assert_eq!(alice.status().borrow().repair.missing, 0, "nobody misses them");
    reading.abort();
}

async fn room(from: &Endpoint, to: &Endpoint) -> u32 {
    let (slot, address) = (from.slot(), to.address());
    from.store().read(move |view| view.sent().ephemeral_room(slot, address)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_is_given_up_at_once_and_holds_nothing_back() {
    let link = Link::new(3, Faults::default());
    let world = World::new();
    let agent = world.participant("agent", Arc::new(link.clone())).await;
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    agent.meet(&alice).await;
    agent.say(&alice, "first").await;
    let reading = tokio::spawn(keep(alice.clone()));
    kept(&alice, 1).await;

    link.set(Faults { lost: 1.0, ..Faults::default() });
    let ephemeral =
        |link: &Link| link.attempts().iter().filter(|attempt| attempt.is_ephemeral()).count();
    assert!(tell(&agent, alice.handle(), 1).await);
    agent.say(&alice, "second").await;
    eventually("one message that waits", async || {
        (ephemeral(&link) == 1 && outbox(&agent).await == 1).then_some(())
    })
    .await;
    link.set(Faults::default());
    assert_eq!(kept(&alice, 2).await, ["first", "second"]);
    assert_eq!(ephemeral(&link), 1, "it was tried once");
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_too_long_is_not_published_any_more() {
    let (link, moment) = (Link::new(4, Faults::default()), Moment::default());
    let world = World::at(moment.clock());
    let mut agent = world.participant("agent", Arc::new(link.clone())).await;
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    agent.meet(&alice).await;
    agent.say(&alice, "first").await;
    let reading = tokio::spawn(keep(alice.clone()));
    kept(&alice, 1).await;

    agent.stop().await;
    assert!(tell(&agent, alice.handle(), 1).await);
    agent.say(&alice, "second").await;
    moment.forward(EPHEMERAL_UNSENT + Duration::from_secs(1));
    let agent = agent.restart().await;
    assert_eq!(kept(&alice, 2).await, ["first", "second"]);
    eventually("an empty outbox", async || (outbox(&agent).await == 0).then_some(())).await;
    assert!(link.attempts().iter().all(|attempt| !attempt.is_ephemeral()));
    reading.abort();
}

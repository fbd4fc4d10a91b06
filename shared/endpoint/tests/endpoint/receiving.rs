//! What arrives takes its turn, and what does not open does not stop what does.

use std::sync::Arc;

use async_trait::async_trait;
use sysmaint_bus::{Deliveries, Delivery, Mailbox, OpenError, PublishError};
use sysmaint_device::Sealed;
use sysmaint_protocol::subject;
use sysmaint_testkit::{Faults, Link, World, eventually};
use tokio::task::coop::consume_budget;

use crate::conversation::{dead, keep, kept};

#[tokio::test]
async fn garbage_in_a_mailbox_becomes_dead_letters_and_the_mailbox_goes_on() {
    let link = Link::new(1, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    let reading = tokio::spawn(keep(bob.clone()));
    alice.say(&bob, "before").await;
    kept(&bob, 1).await;

    let mut tampered = link.attempts()[0].envelope().as_bytes().to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    link.inject(&bob.mailbox(), b"not an envelope");
    link.inject(&bob.mailbox(), &tampered);
    alice.say(&bob, "after").await;
    assert_eq!(kept(&bob, 2).await, ["before", "after"]);
    let expected = [("not_an_envelope".to_owned(), 1), ("seal".to_owned(), 1)];
    assert_eq!(dead(&bob).await, expected);
    let emptied = async || (link.depth(&bob.mailbox()) == 0).then_some(());
    eventually("an empty mailbox", emptied).await;
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_mailbox_is_opened_in_order_however_much_it_is() {
    let link = Link::new(1, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let mut bob = world.participant("bob", Arc::new(Busy(link.clone()))).await;
    alice.meet(&bob).await;
    bob.stop().await;
    let texts: Vec<String> = (0..300).map(|number| format!("number {number}")).collect();
    for text in &texts {
        alice.say(&bob, text).await;
    }
    let all_there = async || (link.depth(&bob.mailbox()) == texts.len()).then_some(());
    eventually("a full mailbox", all_there).await;
    let bob = bob.restart().await;
    let reading = tokio::spawn(keep(bob.clone()));
    assert_eq!(kept(&bob, texts.len()).await, texts);
    reading.abort();
}

/// Spends some of tokio's budget before it hands mail out, as a real connection does.
struct Busy(Link);

struct BusyDeliveries(Box<dyn Deliveries>);

#[async_trait]
impl Mailbox for Busy {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        self.0.publish(sealed).await
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        Ok(Box::new(BusyDeliveries(self.0.open(own).await?)))
    }
}

#[async_trait]
impl Deliveries for BusyDeliveries {
    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>> {
        let deliveries = self.0.next(max).await;
        for _ in 0..100 {
            consume_budget().await;
        }
        deliveries
    }
}

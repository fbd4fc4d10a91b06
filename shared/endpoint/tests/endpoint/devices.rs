//! Several devices under one handle, over a real nats-server.

use std::{sync::Arc, time::Duration};

use sysmaint_bus::{Mailbox, conf::Durability};
use sysmaint_device::{Device, authority::Authority, store::Memory};
use sysmaint_endpoint::{ContactError, SendError};
use sysmaint_protocol::{
    Address, ContentId, DeviceId,
    body::Text,
    rest::{Challenge, Transport},
};
use sysmaint_testkit::{Faults, Link, Nats, Participant, World, eventually};

use crate::conversation::{dead, keep, kept, outbox, texts};

/// Alice with two devices, and bob, who has written to her before the second one was there.
async fn two_devices(nats: &Nats) -> (World, Participant, Participant, Participant) {
    let world = World::new();
    let (hers, his) = (nats.mailbox("alice").await, nats.mailbox("bob").await);
    let alice = world.participant("alice", hers.clone()).await;
    let bob = world.participant("bob", his).await;
    alice.meet(&bob).await;
    bob.say(&alice, "before").await;
    let second = alice.further(2, hers).await;
    bob.refresh(alice.handle()).await.unwrap();
    (world, alice, second, bob)
}

async fn delivered(from: &Participant, id: ContentId) -> bool {
    let slot = from.slot();
    let look = from.store().read(move |view| view.sent().delivery(slot, id)).await.unwrap();
    look.is_some_and(|delivery| delivery.delivered_at.is_some() && delivery.sent_at.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_devices_get_each_message_once_and_a_revoked_one_no_more() {
    let nats = Nats::start(Durability::Process, &["alice", "bob"]).await;
    let (world, alice, second, bob) = two_devices(&nats).await;
    let keeping = [&alice, &second, &bob].map(|device| tokio::spawn(keep((*device).clone())));
    let id = bob.say(&alice, "to both").await;
    assert_eq!(kept(&alice, 2).await, ["before", "to both"]);
    assert_eq!(kept(&second, 1).await, ["to both"]);
    eventually("a receipt", async || delivered(&bob, id).await.then_some(())).await;
    // Both answer, and are one person to bob.
    alice.say(&bob, "from the first").await;
    kept(&bob, 1).await;
    second.say(&bob, "from the second").await;
    assert_eq!(kept(&bob, 2).await, ["from the first", "from the second"]);

    world.revoke_device("alice", 2);
    bob.refresh(alice.handle()).await.unwrap();
    let id = bob.say(&alice, "to the one that is left").await;
    assert_eq!(kept(&alice, 3).await.len(), 3);
    eventually("a receipt", async || delivered(&bob, id).await.then_some(())).await;
    second.say(&bob, "from a stolen device").await;
    eventually("a dead letter", async || {
        (dead(&bob).await == [("revoked".to_owned(), 1)]).then_some(())
    })
    .await;
    assert_eq!(texts(&second).await, ["to both"]);
    assert_eq!((outbox(&bob).await, texts(&bob).await.len()), (0, 2));
    for task in keeping {
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_learns_of_a_further_device_by_its_first_message() {
    let link = Link::new(1, Faults::default());
    let mailbox = || -> Arc<dyn Mailbox> { Arc::new(link.clone()) };
    let world = World::new();
    let alice = world.participant("alice", mailbox()).await;
    let bob = world.participant("bob", mailbox()).await;
    alice.meet(&bob).await;
    bob.say(&alice, "one device").await;
    let second = alice.further(2, mailbox()).await;
    let keeping = [&alice, &second, &bob].map(|device| tokio::spawn(keep((*device).clone())));
    second.say(&bob, "I am new").await;
    assert_eq!(kept(&bob, 1).await, ["I am new"], "held, looked up and opened");
    bob.say(&alice, "two devices").await;
    assert_eq!(kept(&second, 1).await, ["two devices"]);
    assert_eq!(kept(&alice, 2).await, ["one device", "two devices"]);
    for task in keeping {
        task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_prekeys_keeps_nothing_from_the_others() {
    let link = Link::new(2, Faults::default());
    let mailbox = || -> Arc<dyn Mailbox> { Arc::new(link.clone()) };
    let world = World::new();
    let alice = world.participant("alice", mailbox()).await;
    let bob = world.participant("bob", mailbox()).await;
    bob.meet(&alice).await;
    let ghost = registration_of(&world, &alice).await;
    let admitted = alice.admit(ghost.device_id, &key(&ghost.identity_key.0)).await;
    admitted.unwrap();
    let directory = world.directory();
    sysmaint_bus::Directory::register(directory, &ghost).await.unwrap();
    bob.refresh(alice.handle()).await.unwrap();
    let before = directory.bundles();
    for round in 0..20 {
        bob.say(&alice, &format!("round {round}")).await;
    }
    let reading = tokio::spawn(keep(alice.clone()));
    assert_eq!(kept(&alice, 20).await.len(), 20);
    let fetched = directory.bundles() - before;
    assert!(fetched <= 2, "{fetched} bundles for a device that has none");
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_the_directory_slips_in_gets_nothing() {
    let link = Link::new(3, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    bob.meet(&alice).await;
    bob.say(&alice, "before").await;
    let ghost = registration_of(&world, &alice).await;
    world.directory().smuggle(&ghost);
    bob.refresh(alice.handle()).await.unwrap();
    assert_eq!(bob.changed_handles().await.unwrap(), [alice.handle().clone()]);
    bob.say(&alice, "not to the ghost").await;
    let reading = tokio::spawn(keep(alice.clone()));
    assert_eq!(kept(&alice, 2).await, ["before", "not to the ghost"]);
    let to_others = link.attempts().iter().any(|it| it.to().device_id != DeviceId::FIRST);
    assert!(!to_others, "something was sealed to a device that nobody admitted");
    assert_eq!(bob.reject_key(alice.handle()).await.unwrap(), 0);
    assert!(bob.changed_handles().await.unwrap().is_empty());
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_handle_without_devices() {
    let link = Link::new(4, Faults::default());
    let world = World::new();
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    bob.meet(&alice).await;
    bob.say(&alice, "before").await;
    world.revoke_device("alice", 1);
    bob.refresh(alice.handle()).await.unwrap();
    let text = Text { text: "nobody is there".to_owned() };
    let sent = tokio::time::timeout(Duration::from_secs(20), bob.send(alice.handle(), &text));
    let refused = sent.await.unwrap().unwrap_err();
    assert!(matches!(refused, SendError::Seal(_) | SendError::Contact(ContactError::Directory(_))));
}

/// Of a device of somebody's that nobody has admitted, with keys that its author has.
async fn registration_of(
    world: &World,
    of: &Participant,
) -> sysmaint_protocol::rest::RegisterRequest {
    let root = Authority::generate(&mut rand::rng()).unwrap().trust_root();
    let (mut store, mut rng) = (Memory::default(), rand::rng());
    let device_id = DeviceId::try_from(7_u8).unwrap();
    let address = Address { service_id: of.address().service_id, device_id };
    let device = Device::open_further(&mut store, &mut rng, of.handle(), address, &root).unwrap();
    let own = device.mailbox();
    let challenge: Challenge =
        sysmaint_bus::Directory::challenge(world.directory(), &own).await.unwrap();
    device.registration(&mut rng, &challenge, Transport::Nats, None).unwrap()
}

fn key(bytes: &[u8]) -> sysmaint_device::key::IdentityKey {
    sysmaint_device::key::IdentityKey::parse(bytes).unwrap()
}

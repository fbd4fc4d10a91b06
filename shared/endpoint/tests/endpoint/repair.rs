//! Stores that were put back, lost mail, wrong clocks: what cannot be opened comes again.

use std::{sync::Arc, time::Duration};

use sysmaint_bus::conf::Durability;
use sysmaint_device::store::LocalStore;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::limits::{TELEMETRY_FIRST_WINDOW, TELEMETRY_WINDOW};
use sysmaint_testkit::{Faults, Link, Moment, Nats, Participant, World, eventually};
use tokio::task::JoinHandle;

use crate::{
    conversation::{dead, keep, kept, outbox, texts},
    samples::{record, recorded, report, take},
};

const DAY: Duration = Duration::from_hours(24);

/// Two over a real nats-server, who have talked often enough that an old copy of either file
/// opens nothing new.
async fn over_nats() -> (Nats, Participant, Participant) {
    let nats = Nats::start(Durability::Process, &["alice", "bob"]).await;
    let world = World::new();
    let alice = world.participant("alice", nats.mailbox("alice").await).await;
    let bob = world.participant("bob", nats.mailbox("bob").await).await;
    alice.meet(&bob).await;
    talk(&alice, &bob).await;
    (nats, alice, bob)
}

async fn over_link(world: &World, link: &Link) -> (Participant, Participant) {
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.meet(&bob).await;
    (alice, bob)
}

/// Some turns of the conversation, one after the other.
async fn talk(alice: &Participant, bob: &Participant) {
    let reading = read(alice, bob);
    for _ in 0..4 {
        exchange(alice, bob).await;
    }
    stop(reading).await;
}

/// A message each way, and how long it takes is up to the one that is waited for.
async fn exchange(alice: &Participant, bob: &Participant) {
    for (from, to) in [(alice, bob), (bob, alice)] {
        let before = texts(to).await.len();
        from.say(to, "a turn").await;
        kept(to, before + 1).await;
    }
}

fn read(alice: &Endpoint, bob: &Endpoint) -> [JoinHandle<()>; 2] {
    [tokio::spawn(keep(alice.clone())), tokio::spawn(keep(bob.clone()))]
}

async fn stop(reading: [JoinHandle<()>; 2]) {
    for task in reading {
        task.abort();
        let _ = task.await;
    }
}

async fn count(endpoint: &Endpoint, text: &str) -> usize {
    texts(endpoint).await.iter().filter(|said| *said == text).count()
}

/// Waits until a text is there, and nothing is awaited any more.
async fn repaired(endpoint: &Endpoint, text: &str) {
    eventually("repair", async || {
        let awaited = endpoint.status().borrow().repair.awaited;
        (count(endpoint, text).await > 0 && awaited == 0).then_some(())
    })
    .await;
    assert_eq!(count(endpoint, text).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_restored_from_yesterday_gets_what_was_sent_since_its_last_mail() {
    let (_nats, alice, bob) = over_nats().await;
    let (bob, yesterday) = bob.backup().await;
    talk(&alice, &bob).await;
    let bob = bob.restore(yesterday).await;
    let reading = read(&alice, &bob);
    alice.say(&bob, "to a restored store").await;
    repaired(&bob, "to a restored store").await;
    assert!(bob.status().borrow().repair.repaired > 0);
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_restored_from_yesterday_is_understood_again() {
    let (_nats, alice, bob) = over_nats().await;
    let (alice, yesterday) = alice.backup().await;
    talk(&alice, &bob).await;
    let alice = alice.restore(yesterday).await;
    let reading = read(&alice, &bob);
    alice.say(&bob, "from a restored store").await;
    repaired(&bob, "from a restored store").await;
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_restored_from_yesterday_find_each_other_again() {
    let link = Link::new(1, Faults::default());
    let (alice, bob) = over_link(&World::new(), &link).await;
    talk(&alice, &bob).await;
    let (alice, alices) = alice.backup().await;
    let (bob, bobs) = bob.backup().await;
    talk(&alice, &bob).await;
    let (alice, bob) = (alice.restore(alices).await, bob.restore(bobs).await);
    let reading = read(&alice, &bob);
    alice.say(&bob, "restored a").await;
    bob.say(&alice, "restored b").await;
    repaired(&bob, "restored a").await;
    repaired(&alice, "restored b").await;
    exchange(&alice, &bob).await;
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telemetry_window_that_cannot_be_opened_is_released_and_refilled() {
    let link = Link::new(2, Faults::default());
    let (probe, reader) = over_link(&World::new(), &link).await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
    talk(&probe, &reader).await;
    let (mut reader, yesterday) = reader.backup().await;
    talk(&probe, &reader).await;
    // A whole window waits for a reader that comes back with an old store.
    reader.stop().await;
    let samples = u64::from(TELEMETRY_FIRST_WINDOW) * 3;
    take(&probe, &to, 1, samples).await;
    report(&probe, &to).await;
    let reader = reader.restore(yesterday).await;
    let recording = tokio::spawn(record(reader.clone(), from.clone()));
    eventually("every sample", async || {
        report(&probe, &to).await;
        (recorded(&reader, &from).await as u64 == samples).then_some(())
    })
    .await;
    eventually("repair", async || (reader.status().borrow().repair.awaited == 0).then_some(()))
        .await;
    assert_eq!(dead(&reader).await, []);
    recording.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telemetry_window_that_got_lost_does_not_close_the_way_for_ever() {
    let (link, moment) = (Link::new(3, Faults::default()), Moment::default());
    link.set_clock(moment.clock());
    let (probe, mut reader) = over_link(&World::at(moment.clock()), &link).await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
    reader.stop().await;
    // Enough to overtake what got lost by a whole window.
    let samples = u64::from(TELEMETRY_WINDOW) * 2;
    take(&probe, &to, 1, samples).await;
    report(&probe, &to).await;
    eventually("a full window", async || (outbox(&probe).await == 0).then_some(())).await;
    // Somebody clears the mailbox.
    assert_eq!(link.take(&reader.mailbox()).len(), TELEMETRY_FIRST_WINDOW as usize);
    let reader = reader.restart().await;
    let recording = tokio::spawn(record(reader.clone(), from.clone()));
    report(&probe, &to).await;
    eventually("every sample", async || {
        moment.forward(Duration::from_mins(61));
        report(&probe, &to).await;
        (recorded(&reader, &from).await as u64 == samples).then_some(())
    })
    .await;
    recording.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_month_is_still_opened_or_counted_and_the_next_exchange_works() {
    let (link, moment) = (Link::new(4, Faults::default()), Moment::default());
    link.set_clock(moment.clock());
    let (alice, mut bob) = over_link(&World::at(moment.clock()), &link).await;
    talk(&alice, &bob).await;
    bob.stop().await;
    alice.say(&bob, "a month ago").await;
    eventually("an empty outbox", async || (outbox(&alice).await == 0).then_some(())).await;
    moment.forward(31 * DAY);
    let (alice, bob) = (alice.restart().await, bob.restart().await);
    let reading = read(&alice, &bob);
    kept(&bob, 5).await;
    assert_eq!(count(&bob, "a month ago").await, 1);
    exchange(&alice, &bob).await;
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_an_hour_or_a_year_off_stop_nobody() {
    for (off, ahead) in [(Duration::from_hours(1), true), (365 * DAY, true), (365 * DAY, false)] {
        let (link, moment) = (Link::new(5, Faults::default()), Moment::default());
        let world = World::new();
        let alice = world.participant("alice", Arc::new(link.clone())).await;
        if ahead {
            moment.forward(off);
        } else {
            moment.back(off);
        }
        let wrong = world.with_clock(moment.clock());
        let bob = wrong.participant("bob", Arc::new(link.clone())).await;
        alice.meet(&bob).await;
        talk(&alice, &bob).await;
        let (bob, yesterday) = bob.backup().await;
        talk(&alice, &bob).await;
        let bob = bob.restore(yesterday).await;
        // Somebody sets the clock right in the middle of a repair.
        alice.say(&bob, "at what time?").await;
        if ahead {
            moment.back(off);
        } else {
            moment.forward(off);
        }
        let reading = read(&alice, &bob);
        repaired(&bob, "at what time?").await;
        exchange(&alice, &bob).await;
        stop(reading).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_another_kind_of_processor_starts_a_fresh_session() {
    let link = Link::new(6, Faults::default());
    let (alice, bob) = over_link(&World::new(), &link).await;
    talk(&alice, &bob).await;
    let own = alice.handle().clone();
    let elsewhere = alice.step(move |step| -> Result<(), StepError> {
        let mut store = step.device(&own)?;
        let mut local = store.local()?.unwrap();
        local.backend = "another".to_owned();
        store.put_local(&local)?;
        Ok(())
    });
    elsewhere.await.unwrap();
    let alice = alice.restart().await;
    let reading = read(&alice, &bob);
    // Its peer does not know, and writes on the old session first.
    bob.say(&alice, "to the old session").await;
    repaired(&alice, "to the old session").await;
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_days_of_one_way_telemetry_rotate_every_key_and_lose_nothing() {
    let (link, moment) = (Link::new(7, Faults::default()), Moment::default());
    link.set_clock(moment.clock());
    let (mut probe, mut reader) = over_link(&World::at(moment.clock()), &link).await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
    for day in 0..40 {
        take(&probe, &to, day * 10 + 1, 10).await;
        let recording = tokio::spawn(record(reader.clone(), from.clone()));
        eventually("the samples of a day", async || {
            report(&probe, &to).await;
            // Receipts that are due after a minute.
            moment.forward(Duration::from_mins(1));
            let recorded = recorded(&reader, &from).await as u64;
            (recorded == (day + 1) * 10).then_some(())
        })
        .await;
        recording.abort();
        let _ = recording.await;
        moment.forward(DAY);
        // A start does what an hour would: prekeys, certificate, old rows.
        (probe, reader) = (probe.restart().await, reader.restart().await);
    }
    assert_eq!((dead(&probe).await, dead(&reader).await), (vec![], vec![]));
    let awaited = [&probe, &reader].map(|one| one.status().borrow().repair.awaited);
    assert_eq!(awaited, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prekeys_of_a_later_copy_of_a_restored_store_are_dropped_from_the_directory() {
    let (link, world) = (Link::new(8, Faults::default()), World::new());
    let (alice, bob) = over_link(&world, &link).await;
    talk(&alice, &bob).await;
    let (bob, yesterday) = bob.backup().await;
    talk(&alice, &bob).await;
    // Since then the directory has got prekeys that yesterday's store does not have.
    world.exhaust("bob");
    let bob = bob.restart().await;
    eventually("a refill", async || world.has_prekeys("bob").then_some(())).await;
    let bob = bob.restore(yesterday).await;
    let reading = read(&alice, &bob);
    alice.say(&bob, "on whose prekeys?").await;
    repaired(&bob, "on whose prekeys?").await;
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

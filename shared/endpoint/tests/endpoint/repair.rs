//! Stores that were put back, lost mail, wrong clocks: what cannot be opened comes again.

use std::time::Duration;

use sysmaint_device::store::LocalStore;
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::limits::{TELEMETRY_FIRST_WINDOW, TELEMETRY_WINDOW};
use sysmaint_testkit::{Faults, Participant, eventually};
use tokio::task::JoinHandle;

use crate::{
    conversation::{dead, keep, kept, outbox, texts},
    samples::{record, recorded, report, take},
    site::Site,
};

const DAY: Duration = Duration::from_hours(24);

/// Two who have talked often enough that an old copy of either file opens nothing new.
async fn two_who_talked() -> (Site, Participant, Participant) {
    let site = Site::new(Faults::default()).await;
    let (alice, bob) = site.two().await;
    talk(&alice, &bob).await;
    (site, alice, bob)
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

/// The status follows the store.
async fn counted(endpoint: &Endpoint) {
    eventually("repaired messages in the status", async || {
        (endpoint.status().borrow().repair.repaired > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_restored_from_yesterday_gets_what_was_sent_since_its_last_mail() {
    let (_site, alice, bob) = two_who_talked().await;
    let (bob, yesterday) = bob.backup().await;
    talk(&alice, &bob).await;
    let bob = bob.restore(yesterday).await;
    let reading = read(&alice, &bob);
    alice.say(&bob, "to a restored store").await;
    repaired(&bob, "to a restored store").await;
    counted(&bob).await;
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_restored_from_yesterday_is_understood_again() {
    let (_site, alice, bob) = two_who_talked().await;
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
    let (_site, alice, bob) = two_who_talked().await;
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
    let (_site, probe, reader) = two_who_talked().await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
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
    let site = Site::new(Faults::default()).await;
    let (probe, mut reader) = site.two().await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
    reader.stop().await;
    // Enough to overtake what got lost by a whole window.
    let samples = u64::from(TELEMETRY_WINDOW) * 2;
    take(&probe, &to, 1, samples).await;
    report(&probe, &to).await;
    eventually("a full window", async || (outbox(&probe).await == 0).then_some(())).await;
    // Somebody clears the mailbox.
    assert_eq!(site.clear(&reader.mailbox()).await, u64::from(TELEMETRY_FIRST_WINDOW));
    let reader = reader.restart().await;
    let recording = tokio::spawn(record(reader.clone(), from.clone()));
    report(&probe, &to).await;
    eventually("every sample", async || {
        site.moment.forward(Duration::from_mins(5));
        report(&probe, &to).await;
        (recorded(&reader, &from).await as u64 == samples).then_some(())
    })
    .await;
    eventually("the gap is seen", async || {
        let missing = reader.status().borrow().repair.missing;
        (missing == u64::from(TELEMETRY_FIRST_WINDOW)).then_some(())
    })
    .await;
    recording.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_month_is_still_opened_and_the_next_exchange_works() {
    let (site, alice, mut bob) = two_who_talked().await;
    bob.stop().await;
    alice.say(&bob, "a month ago").await;
    eventually("an empty outbox", async || (outbox(&alice).await == 0).then_some(())).await;
    site.moment.forward(31 * DAY);
    let bob = bob.restart().await;
    let reading = read(&alice, &bob);
    kept(&bob, 5).await;
    assert_eq!(count(&bob, "a month ago").await, 1);
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_absent_broker_kept_back_beyond_its_certificate_comes_again() {
    let (site, alice, bob) = two_who_talked().await;
    let reading = read(&alice, &bob);
    site.detour.set(Faults { lost: 1.0, ..Faults::default() });
    alice.say(&bob, "after a week").await;
    site.moment.forward(8 * DAY);
    site.detour.set(Faults::default());
    repaired(&bob, "after a week").await;
    // At times a receipt was kept back as well.
    counted(&bob).await;
    exchange(&alice, &bob).await;
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_both_open_at_once_become_one() {
    let site = Site::new(Faults::default()).await;
    let (alice, bob) = site.two().await;
    let reading = read(&alice, &bob);
    for _ in 0..3 {
        tokio::join!(alice.say(&bob, "from a"), bob.say(&alice, "from b"));
    }
    tokio::join!(kept(&alice, 3), kept(&bob, 3));
    for _ in 0..3 {
        exchange(&alice, &bob).await;
    }
    for one in [&alice, &bob] {
        assert_eq!(dead(one).await, []);
        let repair = one.status().borrow().repair;
        assert_eq!((repair.awaited, repair.repaired, repair.missing), (0, 0, 0));
    }
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_doubled_and_reordered_arrives_once() {
    let faults =
        Faults { lost: 0.2, unconfirmed: 0.2, doubled: 0.3, late: 0.1, unacknowledged: 0.02 };
    let site = Site::new(faults).await;
    let (alice, bob) = site.two().await;
    let reading = read(&alice, &bob);
    let texts_of = |name: &str| (0..40).map(|number| format!("{name} {number:02}")).collect();
    let (from_alice, from_bob): (Vec<String>, Vec<String>) = (texts_of("alice"), texts_of("bob"));
    for (one, other) in from_alice.iter().zip(&from_bob) {
        tokio::join!(alice.say(&bob, one), bob.say(&alice, other));
    }
    let (mut to_bob, mut to_alice) = tokio::join!(kept(&bob, 40), kept(&alice, 40));
    site.detour.set(Faults::default());
    exchange(&alice, &bob).await;
    to_bob.sort();
    to_alice.sort();
    assert_eq!((to_bob, to_alice), (from_alice, from_bob));
    assert_eq!((texts(&alice).await.len(), texts(&bob).await.len()), (41, 41));
    assert_eq!((dead(&alice).await, dead(&bob).await), (vec![], vec![]));
    let counts = site.detour.counts();
    for happened in [counts.lost, counts.unconfirmed, counts.doubled, counts.late] {
        assert!(happened > 0, "{counts:?}");
    }
    stop(reading).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_an_hour_or_a_year_off_stop_nobody() {
    for (off, ahead) in [(Duration::from_hours(1), true), (365 * DAY, true), (365 * DAY, false)] {
        let site = Site::new(Faults::default()).await;
        let alice = site.participant("alice").await;
        let (bob, wrong) = site.participant_with_a_clock("bob").await;
        let turn = |on: bool| if on { wrong.forward(off) } else { wrong.back(off) };
        turn(ahead);
        alice.meet(&bob).await;
        talk(&alice, &bob).await;
        let (bob, yesterday) = bob.backup().await;
        talk(&alice, &bob).await;
        let bob = bob.restore(yesterday).await;
        // Somebody sets the clock right in the middle of a repair.
        alice.say(&bob, "at what time?").await;
        turn(!ahead);
        let reading = read(&alice, &bob);
        repaired(&bob, "at what time?").await;
        exchange(&alice, &bob).await;
        stop(reading).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_another_kind_of_processor_starts_a_fresh_session() {
    let (_site, alice, bob) = two_who_talked().await;
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
async fn prekeys_of_a_later_copy_of_a_restored_store_are_dropped_from_the_directory() {
    let (site, alice, bob) = two_who_talked().await;
    let world = &site.world;
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

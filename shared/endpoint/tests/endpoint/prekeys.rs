//! The stock of prekeys in the directory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sysmaint_bus::Directory as _;
use sysmaint_endpoint::Clock;
use sysmaint_protocol::rest::PrekeyCount;
use sysmaint_testkit::{Faults, Link, World, eventually};

/// The system's clock, with a number of minutes added.
fn ahead(minutes: &Arc<AtomicU64>) -> Clock {
    let (system, minutes) = (Clock::system(), Arc::clone(minutes));
    Clock::new(move || {
        let ahead = Duration::from_secs(60 * minutes.load(Ordering::Relaxed));
        system.now().after(ahead)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_owner_refills_a_stock_that_others_have_emptied() {
    let minutes = Arc::new(AtomicU64::new(0));
    let world = World::at(ahead(&minutes));
    let link = Link::new(1, Faults::default());
    let alice = world.participant("alice", Arc::new(link)).await;
    let count = async || world.directory().prekey_count(&alice.mailbox()).await.unwrap();
    let full = PrekeyCount { one_time_prekeys: 100, one_time_kyber_prekeys: 100 };
    assert_eq!(count().await, full);

    // Nobody writes to it: it is told of nothing.
    let nobody = "nobody".parse().unwrap();
    for _ in 0..100 {
        world.directory().bundle(&nobody, alice.handle()).await.unwrap();
    }
    assert_eq!(count().await.one_time_prekeys, 0);
    eventually("the stock is full again", async || {
        minutes.fetch_add(1, Ordering::Relaxed);
        (count().await == full).then_some(())
    })
    .await;
}

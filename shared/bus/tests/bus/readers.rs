//! Reading one's mailbox through its consumer.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sysmaint_bus::{Bus, Deliveries, Mailbox as _, NatsMailbox};

use crate::site::{PATIENCE, Site, connect, envelope, eventually, mailbox, sealed};

/// Waits for one group of deliveries and returns their bytes; acknowledges if asked to.
async fn take(deliveries: &mut Box<dyn Deliveries>, acknowledge: bool) -> Vec<Vec<u8>> {
    let next = tokio::time::timeout(PATIENCE, deliveries.next(16)).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    for delivery in next {
        if acknowledge {
            delivery.acknowledgement.acknowledge().await.unwrap();
        }
        bytes.push(delivery.bytes);
    }
    bytes
}

async fn open(bus: &Bus) -> Box<dyn Deliveries> {
    let opened = NatsMailbox::new(bus.clone());
    tokio::time::timeout(PATIENCE, opened.open(&mailbox("bob"))).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_delivery_is_gone_once_acknowledged_and_comes_again_until_then() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let bob = site.bus("bob").await;
    let mut deliveries = open(&bob).await;

    alice.publish(&sealed("bob", 1)).await.unwrap();
    assert_eq!(take(&mut deliveries, true).await, [envelope(1)]);
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 0);

    alice.publish(&sealed("bob", 2)).await.unwrap();
    let next = deliveries.next(16).await.unwrap();
    assert_eq!(next[0].transfer_id, Some(sealed("bob", 2).transfer_id()));
    assert!(next[0].stored_at.as_millis() > 1_700_000_000_000);
    drop(next);
    drop(deliveries);

    let mut again = open(&bob).await;
    assert_eq!(take(&mut again, true).await, [envelope(2)]);
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 0);
    site.server.stop().await;
}

#[tokio::test]
async fn what_waits_comes_at_once_and_in_order() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    for number in 0..40 {
        alice.publish(&sealed("bob", number)).await.unwrap();
    }
    let bob = site.bus("bob").await;
    let mut deliveries = open(&bob).await;
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let group = take(&mut deliveries, true).await;
        assert!(!group.is_empty() && group.len() <= 16);
        seen.extend(group);
    }
    assert_eq!(seen, (0..40).map(envelope).collect::<Vec<_>>());

    let mut quickest = Duration::MAX;
    for number in 40..44 {
        alice.publish(&sealed("bob", number)).await.unwrap();
        let asked = Instant::now();
        assert_eq!(take(&mut deliveries, true).await, [envelope(number)]);
        quickest = quickest.min(asked.elapsed());
    }
    assert!(quickest < Duration::from_secs(2), "each waited for a batch");
    site.server.stop().await;
}

#[tokio::test]
async fn what_an_earlier_reader_left_is_not_overtaken_by_newer_mail() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let first_bus = site.bus("bob").await;
    let mut first = open(&first_bus).await;
    for number in 0..3 {
        alice.publish(&sealed("bob", number)).await.unwrap();
        // The first is acknowledged, and the reader ends before the others are.
        assert_eq!(take(&mut first, number == 0).await, [envelope(number)]);
    }
    drop(first);
    first_bus.close().await;
    for number in 3..6 {
        alice.publish(&sealed("bob", number)).await.unwrap();
    }
    let bob = site.bus("bob").await;
    let mut second = open(&bob).await;
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.extend(take(&mut second, true).await);
    }
    assert_eq!(seen, (1..6).map(envelope).collect::<Vec<_>>());
    site.server.stop().await;
}

#[tokio::test]
async fn opening_waits_for_the_relay_to_set_the_mailbox_up() {
    let site = Site::bare().await;
    let bob = site.bus("bob").await;
    let opening = tokio::spawn(async move { open(&bob).await });
    let relay = site.bus("relay").await;
    relay.ensure_streams(&sysmaint_bus::StreamTable::single_server()).await.unwrap();
    assert!(!opening.is_finished());
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    tokio::time::timeout(PATIENCE, opening).await.unwrap().unwrap();
    site.server.stop().await;
}

#[tokio::test]
async fn another_mailbox_cannot_be_opened() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let outcome = tokio::time::timeout(PATIENCE, alice.open(&mailbox("bob"))).await.unwrap();
    assert!(outcome.is_err_and(|error| error.to_string().contains("Permissions Violation")));
    site.server.stop().await;
}

#[tokio::test]
async fn a_second_reader_stands_by_and_takes_over() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let (first_bus, second_bus) = (site.bus("bob").await, site.bus("bob").await);
    let mut first = open(&first_bus).await;
    alice.publish(&sealed("bob", 0)).await.unwrap();
    assert_eq!(take(&mut first, true).await, [envelope(0)]);

    let mut second = open(&second_bus).await;
    let mut stands_by = second.stands_by();
    assert!(!*stands_by.borrow());
    let second = tokio::spawn(async move {
        let group = take(&mut second, true).await;
        (group, second)
    });
    // Longer than the server would wait for a reader that is gone.
    let quiet_until = Instant::now() + Duration::from_secs(7);
    let mut number = 0;
    while Instant::now() < quiet_until {
        number += 1;
        alice.publish(&sealed("bob", number)).await.unwrap();
        assert_eq!(take(&mut first, true).await, [envelope(number)]);
        // The first reader is idle meanwhile, and still is the one that is served.
        let idle = tokio::time::timeout(Duration::from_millis(1200), first.next(16)).await;
        assert!(idle.is_err());
    }
    assert!(!second.is_finished(), "both readers were served");
    let told = tokio::time::timeout(PATIENCE, stands_by.wait_for(|stands_by| *stands_by)).await;
    told.unwrap().unwrap();

    drop(first);
    first_bus.close().await;
    alice.publish(&sealed("bob", 1000)).await.unwrap();
    let (group, _second) = tokio::time::timeout(PATIENCE, second).await.unwrap().unwrap();
    assert_eq!(group, [envelope(1000)]);
    assert!(!*stands_by.borrow());
    site.server.stop().await;
}

/// Where the process of the next test finds its server.
const URL: &str = "SYSMAINT_TEST_NATS_URL";
const DIRECTORY: &str = "SYSMAINT_TEST_DIRECTORY";

#[tokio::test]
async fn after_a_killed_reader_the_next_one_is_served_within_seconds() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let alice = NatsMailbox::new(site.bus("alice").await);
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "readers::a_reader_that_never_acknowledges", "--ignored"])
        .env(URL, site.server.url())
        .env(DIRECTORY, site.directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    alice.publish(&sealed("bob", 1)).await.unwrap();
    let marker = site.directory.path().join("read");
    eventually("the other process", async || marker.exists().then_some(())).await;
    process.kill().unwrap();
    process.wait().unwrap();

    let killed = Instant::now();
    let bob = site.bus("bob").await;
    let mut deliveries = open(&bob).await;
    assert_eq!(take(&mut deliveries, true).await, [envelope(1)]);
    let waited = killed.elapsed();
    println!("served {waited:?} after the kill");
    assert!(waited < Duration::from_secs(30), "{waited:?}");
    site.server.stop().await;
}

#[tokio::test]
#[ignore = "is started by the test above, as a process to be killed"]
async fn a_reader_that_never_acknowledges() {
    // Whoever runs the ignored tests by hand starts it too.
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = std::path::Path::new(&directory);
    let bob = connect(&std::env::var(URL).unwrap(), directory, "bob").await;
    let mut deliveries = open(&bob).await;
    loop {
        take(&mut deliveries, false).await;
        std::fs::write(directory.join("read"), "").unwrap();
    }
}

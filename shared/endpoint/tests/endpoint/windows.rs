//! Telemetry never fills a mailbox.

use std::sync::Arc;

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{
    ContentId, Handle,
    body::{NumberedSample, Telemetry},
    limits::{TELEMETRY_FIRST_WINDOW, TELEMETRY_WINDOW},
    sample::Sample,
};
use sysmaint_testkit::{Faults, Link, World, eventually};

use crate::conversation::outbox;

/// Seals as many samples as there is room for, and returns how many.
async fn fill(sender: &Endpoint, to: &Handle, next: u64) -> u64 {
    sender.prepare(to).await.unwrap();
    let to = to.clone();
    let step = sender.step(move |step| -> Result<u64, StepError> {
        let (room, taken_at) = (u64::from(step.telemetry_room(&to)?), step.now());
        for sequence in next..next + room {
            let samples = vec![NumberedSample { sequence, sample: Sample::empty(taken_at) }];
            let stream = ContentId::from_bytes([7; 16]);
            step.send(&to, None, &Telemetry { stream, samples, lost: Vec::new() })?;
        }
        Ok(room)
    });
    step.await.unwrap()
}

/// Marks everything that arrives as handled, until it is dropped.
async fn settle(endpoint: Endpoint) {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        endpoint.settle(&message, |_| -> Result<(), StepError> { Ok(()) }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_never_has_more_than_the_granted_window_on_its_way() {
    // What the link doubles is in the mailbox twice, and none of the sender's.
    let faults = Faults { lost: 0.1, late: 0.2, ..Faults::default() };
    let link = Link::new(1, faults);
    let world = World::new();
    let probe = world.participant("probe", Arc::new(link.clone())).await;
    let mut reader = world.participant("reader", Arc::new(link.clone())).await;
    probe.meet(&reader).await;
    let (to, mailbox) = (reader.handle().clone(), reader.mailbox());

    // Nobody reads: the first window and no more, however often it is tried.
    reader.stop().await;
    let mut sealed = 0;
    for _ in 0..3 {
        sealed += fill(&probe, &to, sealed + 1).await;
    }
    assert_eq!(sealed, u64::from(TELEMETRY_FIRST_WINDOW));
    let arrived = async || (link.depth(&mailbox) as u64 == sealed).then_some(());
    eventually("the first window", arrived).await;

    // Somebody reads: it goes on, and what waits is the granted window at most, and what was
    // confirmed a moment ago and is still to be acknowledged.
    let reader = reader.restart().await;
    let reading = tokio::spawn(settle(reader.clone()));
    let mut deepest = 0;
    eventually("three hundred samples", async || {
        sealed += fill(&probe, &to, sealed + 1).await;
        deepest = deepest.max(link.depth(&mailbox));
        (sealed >= 300).then_some(())
    })
    .await;

    // Nobody reads again: what is left of the window and no more.
    reading.abort();
    drop(reader);
    eventually("no more room", async || {
        let more = fill(&probe, &to, sealed + 1).await;
        sealed += more;
        deepest = deepest.max(link.depth(&mailbox));
        (more == 0 && outbox(&probe).await == 0).then_some(())
    })
    .await;
    assert!(deepest > TELEMETRY_FIRST_WINDOW as usize, "{deepest}");
    assert!(deepest <= 2 * TELEMETRY_WINDOW as usize, "{deepest}");
}

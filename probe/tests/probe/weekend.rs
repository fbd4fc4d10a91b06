//! Ten probes, and an operator who is away for a weekend.

use std::time::Duration;

use sysmaint_bus::conf::Durability;
use sysmaint_probe::Spool;
use sysmaint_protocol::{Handle, limits::MAILBOX_TELEMETRY};
use sysmaint_testkit::{Detour, Faults, Moment, Nats, World, eventually};

use crate::{
    host::{Host, pass},
    reader::{Reading, has, recorded, state},
};

const PROBES: [&str; 10] = [
    "probe-0", "probe-1", "probe-2", "probe-3", "probe-4", "probe-5", "probe-6", "probe-7",
    "probe-8", "probe-9",
];
const WEEKEND: Duration = Duration::from_hours(60);

async fn weekend(every: Duration, patience: Duration) {
    let names: Vec<_> = PROBES.into_iter().chain(["alice", "bob"]).collect();
    let nats = Nats::start(Durability::Process, &names).await;
    let moment = Moment::default();
    let (world, detour) =
        (World::at(moment.clock()), Detour::new(1, Faults::default(), moment.clock()));
    let mut alice = world.participant("alice", detour.to(nats.mailbox("alice").await)).await;
    let bob = world.participant("bob", detour.to(nats.mailbox("bob").await)).await;
    alice.meet(&bob).await;
    let reading = Reading::start(&alice);
    let operator: Handle = "alice".parse().unwrap();
    let mut hosts = Vec::new();
    for name in PROBES {
        let mailbox = detour.to(nats.mailbox(name).await);
        let spool = Spool::default();
        hosts.push(Host::start(&world, name, mailbox, &operator, every, spool).await);
    }
    for host in &hosts {
        has(&alice, &host.name, 1, patience).await;
    }

    reading.stop().await;
    alice.stop().await;
    pass(&moment, &hosts, WEEKEND, every).await;
    let waiting = nats.depth(&alice.mailbox()).await;
    assert!(waiting <= u64::from(MAILBOX_TELEMETRY), "{waiting}");
    bob.say(&alice, "good morning").await;
    eventually("bob's message", async || {
        (nats.depth(&alice.mailbox()).await > waiting).then_some(())
    })
    .await;

    let alice = alice.restart().await;
    let reading = Reading::start(&alice);
    let morning = eventually("a message before the backlog is through", async || {
        let look = alice
            .store()
            .read(move |view| view.direct_messages().after(&"alice".parse().unwrap(), 0, 10));
        let said = !look.await.unwrap().is_empty();
        let mut all = 0;
        for host in &hosts {
            all += recorded(&alice, &host.name).await.len();
        }
        said.then_some(all)
    })
    .await;
    let taken: usize = hosts.iter().map(|host| host.taken().len()).sum();
    assert!(morning < taken / 2, "{morning} of {taken} samples came before a message");

    for host in &hosts {
        let taken = host.taken();
        // The last ones may still be on their way.
        has(&alice, &host.name, taken.len() - 1, patience).await;
        eventually("nothing missing", async || {
            moment.forward(Duration::from_secs(1));
            let state = state(&alice, &host.name).await?;
            let all = recorded(&alice, &host.name).await.is_superset(&taken);
            (all && state.missing == 0 && state.lost == 0).then_some(())
        })
        .await;
    }
    reading.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_weekend_nothing_is_lost_and_chat_waits_for_no_backlog() {
    weekend(Duration::from_mins(20), Duration::from_mins(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 216 000 samples"]
async fn after_a_weekend_at_the_usual_interval_nothing_is_lost_and_chat_waits_for_no_backlog() {
    weekend(Duration::from_secs(10), Duration::from_mins(20)).await;
}

//! The bus is away, and comes back.

use std::{collections::BTreeSet, time::Duration};

use sysmaint_bus::conf::Durability;
use sysmaint_probe::Spool;
use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_testkit::{Detour, Faults, Moment, Nats, World};

use crate::{
    host::{Host, pass},
    reader::{Reading, has, losses, recorded, state},
};

const MINUTE: Duration = Duration::from_mins(1);

/// How long the bus is away, how often a sample is taken, and how much of that is kept.
struct Outage {
    span: Duration,
    every: Duration,
    spool: Spool,
}

/// What the reader has in the end, compared with what was taken.
struct Outcome {
    taken: usize,
    recorded: usize,
    missing: u64,
    lost: u64,
    losses: Vec<sysmaint_store::LossRow>,
}

async fn live_through(outage: Outage) -> Outcome {
    let Outage { span, every, spool } = outage;
    let mut nats = Nats::start(Durability::Process, &["probe", "agent"]).await;
    let moment = Moment::default();
    let (world, detour) =
        (World::at(moment.clock()), Detour::new(1, Faults::default(), moment.clock()));
    let agent = world.participant("agent", detour.to(nats.mailbox("agent").await)).await;
    let reading = Reading::start(&agent);
    let reader: Handle = "agent".parse().unwrap();
    let mailbox = detour.to(nats.mailbox("probe").await);
    let hosts = [Host::start(&world, "probe", mailbox, &reader, every, spool).await];
    let host = &hosts[0];

    pass(&moment, &hosts, every * 12, every).await;
    has(&agent, &host.name, 12, MINUTE).await;
    nats.pause().await;
    pass(&moment, &hosts, span, every).await;
    nats.resume().await;
    pass(&moment, &hosts, every * 6, every).await;

    let newest = *host.taken().last().unwrap();
    sysmaint_testkit::eventually("everything", async || {
        // Receipts come by this clock.
        moment.forward(Duration::from_secs(1));
        let state = state(&agent, &host.name).await?;
        let done = host.backlog(&reader).await == 0 && state.missing == 0;
        (done && recorded(&agent, &host.name).await.contains(&newest)).then_some(())
    })
    .await;
    let state = state(&agent, &host.name).await.unwrap();
    // Samples are still being taken.
    let by_then = |all: BTreeSet<Timestamp>| all.range(..=newest).count();
    let outcome = Outcome {
        taken: by_then(host.taken()),
        recorded: by_then(recorded(&agent, &host.name).await),
        missing: state.missing,
        lost: state.lost,
        losses: losses(&agent, &host.name).await,
    };
    reading.stop().await;
    outcome
}

async fn leaves_no_hole(span: Duration, every: Duration) {
    let outcome = live_through(Outage { span, every, spool: Spool::default() }).await;
    let during = usize::try_from(span.as_millis() / every.as_millis()).unwrap();
    assert!(outcome.taken >= during, "{} of {during}", outcome.taken);
    assert_eq!(outcome.recorded, outcome.taken);
    assert_eq!((outcome.missing, outcome.lost, outcome.losses), (0, 0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_the_bus_leaves_no_hole() {
    leaves_no_hole(MINUTE * 60, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_minutes_without_the_bus_at_the_shortest_interval_leave_no_hole() {
    leaves_no_hole(MINUTE * 2, Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 72 000 samples"]
async fn an_hour_without_the_bus_at_the_shortest_interval_leaves_no_hole() {
    leaves_no_hole(MINUTE * 60, Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_was_no_room_for_is_a_gap_with_its_length() {
    // Room for an eighth of what is taken.
    let spool = Spool { bytes: 72 * 1024, ..Spool::default() };
    let every = Duration::from_secs(10);
    let outcome = live_through(Outage { span: MINUTE * 60, every, spool }).await;
    assert!(outcome.lost > 250, "{}", outcome.lost);
    assert_eq!(outcome.missing, 0);
    let [gap] = outcome.losses[..] else { panic!("{:?}", outcome.losses) };
    assert_eq!(gap.samples, outcome.lost);
    let span = gap.to.since(gap.from);
    let told = every * u32::try_from(gap.samples - 1).unwrap();
    assert!(span >= told && span < told + MINUTE * 2, "{span:?} for {told:?}");
    assert_eq!(outcome.recorded + usize::try_from(outcome.lost).unwrap(), outcome.taken);
}

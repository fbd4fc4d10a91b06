//! Mailboxes that fill up: what waits, waits with its sender, and nothing is lost.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, time::Duration};

use rand::Rng as _;
use sysmaint_bus::BusConfig;
use sysmaint_protocol::{
    ContentId, DeviceId, Handle, Timestamp,
    limits::{MAILBOX_MESSAGES, TELEMETRY_WINDOW},
    subject::Mailbox,
};
use sysmaint_store::{Passphrase, Store};
use sysmaint_tests::{
    RawNats, RemoteDevice, Service, Services, Web, eventually, eventually_within,
};

/// Receipts and the like that are in a mailbox beside what is counted.
const OTHERS: u64 = 4;
/// A sender tries again after seconds.
const RETRIED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_to_a_stopped_agent_stays_within_its_window_and_has_no_hole_afterwards() {
    let mut services = Services::builder().with("SYSMAINT_PROBE_INTERVAL_MS", 50).start().await;
    let (web, wire) = (services.web(), services.onlooker().await);
    web.ask("how is it?").await.unwrap();
    services.kill(Service::Agent);
    pass_samples(&web, 60).await;
    let (window, depth) = (u64::from(TELEMETRY_WINDOW), wire.depth(&agent()).await);
    // What the agent got but had not confirmed yet takes its place in the window.
    assert!((1..=window + OTHERS).contains(&depth), "{depth} messages wait");
    pass_samples(&web, 60).await;
    assert_eq!(wire.depth(&agent()).await, depth, "the window is not the end of it");

    // There is room for more important things.
    let mut prompts = Vec::new();
    for number in 0..5 {
        prompts.push(web.ask_later(&format!("how is it, {number}?")).await.unwrap());
    }
    eventually("stored prompts", async || (wire.depth(&agent()).await >= depth + 5).then_some(()))
        .await;
    assert!(wire.depth(&agent()).await <= window + OTHERS + 5);
    outbox(&web, 0).await;

    let restarted = now();
    services.launch(Service::Agent);
    for id in prompts {
        answered(&web, &id).await;
    }
    pass_samples(&web, 20).await;
    services.kill(Service::Probe);
    let empty = async || (wire.depth(&agent()).await == 0).then_some(());
    eventually("an empty mailbox", empty).await;
    services.kill(Service::Agent);
    let (taken, arrived) = (taken(&services), arrived(&services));
    let newest = *arrived.last().unwrap();
    assert!(newest > restarted, "what waited at the probe is not through yet");
    let expected: BTreeSet<_> = taken.range(..=newest).copied().collect();
    assert!(expected.len() > 120);
    assert_eq!(expected.symmetric_difference(&arrived).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_holds_up_nobody_and_is_tried_again() {
    let services = Services::start().await;
    let (web, wire) = (services.web(), services.onlooker().await);
    let mut carol = RemoteDevice::enrol(services.relay(), "carol").await;
    let mut dave = RemoteDevice::enrol(services.relay(), "dave").await;
    let mailbox = carol.mailbox();
    fill(&wire, &mailbox).await;
    wire.subscribe(&mailbox.sealed()).await;
    for number in 0..5 {
        web.send("alice", "carol", &format!("number {number}")).await.unwrap();
    }
    let sealed = dave.seal("carol", "from dave").await;
    assert_eq!(dave.send(&sealed).await, 507);
    eventually("tried", async || attempts(&wire, &mailbox).ge(&6).then_some(())).await;
    outbox(&web, 5).await;
    for (from, to) in [("alice", "bob"), ("bob", "alice")] {
        web.send(from, to, "in the meantime").await.unwrap();
        eventually("a message to others", async || {
            web.received(to).await.filter(|all| !all.is_empty())
        })
        .await;
    }
    assert_eq!(wire.depth(&mailbox).await, MAILBOX_MESSAGES.unsigned_abs());
    outbox(&web, 5).await;

    purge(&wire, &mailbox).await;
    // The same bytes under the same id.
    assert_eq!(dave.send(&sealed).await, 202);
    eventually_within(RETRIED_WITHIN, "nothing that waits", async || {
        (web.outbox_waiting().await? == 0).then_some(())
    })
    .await;
    assert_eq!(wire.depth(&mailbox).await, 6);
    let mut texts = Vec::new();
    for sequence in stored(&wire, &mailbox).await {
        texts.extend(carol.open(&sequence));
    }
    let from_alice: Vec<_> = texts.iter().filter(|text| *text != "from dave").collect();
    assert_eq!(from_alice, ["number 0", "number 1", "number 2", "number 3", "number 4"]);
    assert_eq!(texts.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_waits_for_an_agent_whose_mailbox_is_full() {
    let mut services = Services::start().await;
    let (web, wire) = (services.web(), services.onlooker().await);
    web.ask("how is it?").await.unwrap();
    services.kill(Service::Agent);
    fill(&wire, &agent()).await;
    let id = web.ask_later("is there room?").await.unwrap();
    eventually("a waiting prompt", async || (web.outbox_waiting().await? > 0).then_some(())).await;
    services.launch(Service::Agent);
    eventually_within(RETRIED_WITHIN, "an answer", async || {
        web.get(&format!("/api/chat/{id}")).await?["reply"].as_str().map(str::to_owned)
    })
    .await;
    web.ask("and now?").await.unwrap();
    let empty = async || (wire.depth(&agent()).await <= OTHERS).then_some(());
    eventually("an empty mailbox", empty).await;
}

fn agent() -> Mailbox {
    Mailbox::new("sysmaint".parse().unwrap(), DeviceId::FIRST)
}

/// Waits until alice has got so many samples more.
async fn pass_samples(web: &Web, count: usize) {
    let mut seen = BTreeSet::new();
    eventually("more samples", async || {
        seen.insert(web.newest_sample().await?);
        (seen.len() > count).then_some(())
    })
    .await;
}

/// Waits until nothing but so many envelopes of alice and bob wait. Receipts come and go.
async fn outbox(web: &Web, count: u64) {
    eventually("a settled outbox", async || (web.outbox_waiting().await? == count).then_some(()))
        .await;
}

async fn answered(web: &Web, id: &str) {
    eventually("an answer", async || {
        web.get(&format!("/api/chat/{id}")).await?["reply"].as_str().map(str::to_owned)
    })
    .await;
}

/// When the probe took its samples.
fn taken(services: &Services) -> BTreeSet<Timestamp> {
    let store = open(services, "probe.db");
    let nobody: Handle = "nobody".parse().unwrap();
    let stream = ContentId::from_bytes([0; 16]);
    let all = store.read_now(|view| view.own_samples().next(stream, &nobody, usize::MAX));
    let samples = all.unwrap().map_or_else(Vec::new, |telemetry| telemetry.samples);
    samples.into_iter().map(|numbered| numbered.sample.taken_at).collect()
}

/// When those were taken that the agent has.
fn arrived(services: &Services) -> BTreeSet<Timestamp> {
    let store = open(services, "agent.db");
    let probe: Handle = "diagprobe".parse().unwrap();
    let (from, to) = (Timestamp::default(), now());
    let look = |view: &sysmaint_store::View<'_>| {
        let hosts = view.telemetry().hosts()?;
        assert_eq!(hosts[0].missing, 0);
        view.telemetry().samples(&probe, from, to, usize::MAX)
    };
    let samples = store.read_now(look).unwrap();
    samples.into_iter().map(|sample| sample.taken_at).collect()
}

/// A store whose service was stopped.
fn open(services: &Services, file: &str) -> Store {
    let passphrase = Passphrase::new(services.passphrase().into());
    Store::open(&services.data().join(file), &passphrase).unwrap()
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

/// Puts garbage into a mailbox until the broker takes no more.
async fn fill(wire: &RawNats, mailbox: &Mailbox) {
    let room = MAILBOX_MESSAGES.unsigned_abs() - wire.depth(mailbox).await;
    for _ in 0..room {
        let mut garbage = vec![0; 600];
        rand::rng().fill(garbage.as_mut_slice());
        wire.publish(&mailbox.sealed(), None, &[], &garbage).await;
    }
    eventually("a full mailbox", async || {
        let answer = wire.request(&mailbox.sealed(), &[], b"one more").await.json();
        answer["error"]["description"].as_str()?.contains("per subject").then_some(())
    })
    .await;
}

/// How often somebody tried to put something into a mailbox.
fn attempts(wire: &RawNats, mailbox: &Mailbox) -> usize {
    wire.seen().iter().filter(|seen| seen.subject == mailbox.sealed()).count()
}

async fn purge(wire: &RawNats, mailbox: &Mailbox) {
    let subject = format!("$JS.API.STREAM.PURGE.{}", mailbox.stream(BusConfig::SHARDS));
    let question = serde_json::json!({ "filter": mailbox.sealed() }).to_string();
    let answer = wire.request(&subject, &[], question.as_bytes()).await.json();
    assert_eq!(answer["purged"], MAILBOX_MESSAGES, "{answer}");
}

/// What is in a mailbox, oldest first.
async fn stored(wire: &RawNats, mailbox: &Mailbox) -> Vec<Vec<u8>> {
    let subject = format!("$JS.API.DIRECT.GET.{}", mailbox.stream(BusConfig::SHARDS));
    let (mut all, mut next) = (Vec::new(), 1);
    loop {
        let question = serde_json::json!({ "next_by_subj": mailbox.sealed(), "seq": next });
        let answer = wire.request(&subject, &[], question.to_string().as_bytes()).await;
        let Some(sequence) = answer.header("Nats-Sequence") else { return all };
        next = sequence.parse::<u64>().unwrap() + 1;
        all.push(answer.payload);
    }
}

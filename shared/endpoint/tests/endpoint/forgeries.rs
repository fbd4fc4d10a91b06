//! One who may publish, and fills a mailbox on a real server with forgeries between honest mail.

use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sysmaint_bus::{Mailbox, conf::Durability};
use sysmaint_device::Sealed;
use sysmaint_endpoint::Endpoint;
use sysmaint_protocol::{Envelope, TransferId};
use sysmaint_testkit::{Nats, Participant, Tap, World, eventually};

use crate::conversation::{dead, keep, kept, texts};

const HONEST: usize = 60;
/// Forgeries between two honest messages.
const BETWEEN: usize = 40;
/// What the file may grow by once the newest dead letters replace the oldest.
const GROWTH_MAX: u64 = 256 * 1024;

/// Counts by what must become of them.
#[derive(Default)]
struct Forged {
    dead: u64,
    replayed: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_mail_arrives_in_order_between_thousands_of_forgeries() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let nats = Nats::start(Durability::Process, &["alice", "bob", "mallory"]).await;
    let world = World::new();
    let tap = Tap::new(nats.mailbox("alice").await);
    let alice = world.participant("alice", tap.clone()).await;
    let bob = world.participant("bob", nats.mailbox("bob").await).await;
    let hostile = nats.mailbox("mallory").await;
    alice.meet(&bob).await;
    let reading = tokio::spawn(keep(bob.clone()));
    let (mut forged, mut half) = (Forged::default(), 0);
    for number in 0..HONEST {
        alice.say(&bob, &format!("honest {number:03}")).await;
        let captured = tap_of(&tap).await;
        forge(&mut rng, &*hostile, &captured, &mut forged).await;
        // Not more than a mailbox holds, so that nothing honest finds it full.
        all_dead(&bob, forged.dead).await;
        if number == HONEST / 2 {
            half = size(&bob);
        }
    }
    let honest: Vec<_> = (0..HONEST).map(|number| format!("honest {number:03}")).collect();
    assert_eq!(kept(&bob, HONEST).await, honest, "seed {seed}");
    assert!(forged.replayed > 100, "{}", forged.replayed);
    assert_eq!(texts(&bob).await.len(), HONEST);
    let grown = size(&bob).saturating_sub(half);
    assert!(grown <= GROWTH_MAX, "seed {seed}: {grown} bytes");
    let reasons: Vec<_> = dead(&bob).await.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["seal"], "seed {seed}");
    reading.abort();
}

/// What went by, once anything has.
async fn tap_of(tap: &Arc<Tap>) -> Vec<Sealed> {
    eventually("something published", async || Some(tap.seen()).filter(|seen| !seen.is_empty()))
        .await
}

async fn forge(rng: &mut StdRng, hostile: &dyn Mailbox, captured: &[Sealed], forged: &mut Forged) {
    for _ in 0..BETWEEN {
        let original = captured.choose(rng).unwrap();
        let mut bytes = original.envelope().as_bytes().to_vec();
        if rng.random_ratio(1, 10) {
            forged.replayed += 1;
        } else {
            // Within the encrypted fields, so that it still looks like an envelope.
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(90..bytes.len());
                bytes[at] = bytes[at].wrapping_add(rng.random_range(1..=127));
            }
            forged.dead += 1;
        }
        let (to, id) = (original.to().clone(), TransferId::from_bytes(rng.random()));
        let envelope = Envelope::parse(bytes).unwrap();
        let sealed = Sealed::restored(to, original.registration_id(), id, envelope);
        hostile.publish(&sealed).await.unwrap();
    }
}

async fn all_dead(bob: &Endpoint, count: u64) {
    eventually("dead letters", async || {
        let met: u64 = dead(bob).await.into_iter().map(|(_, count)| count).sum();
        (met >= count).then_some(())
    })
    .await;
}

fn size(participant: &Participant) -> u64 {
    std::fs::metadata(participant.store().path()).unwrap().len()
}

//! Prekeys under many hands: each is handed out once or lost with the call that took it.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use sysmaint_protocol::rest::{Bundle, PrekeyCount};

use crate::{
    bridge::Bridge,
    held_link::HeldLink,
    person::Person,
    stage::{Stage, eventually},
};

const RACERS: usize = 32;

/// Ids of one-time prekeys that were handed out, with how many there were.
#[derive(Default)]
struct Popped {
    ec: Vec<u32>,
    kyber: Vec<u32>,
    without_ec: usize,
    last_resort: usize,
}

impl Popped {
    fn take(&mut self, bundle: &Bundle, last_resort: u32) {
        let [device] = &bundle.devices[..] else { panic!("one device") };
        match &device.one_time_prekey {
            Some(key) => self.ec.push(key.id),
            None => self.without_ec += 1,
        }
        if device.kyber_prekey.id == last_resort {
            self.last_resort += 1;
        } else {
            self.kyber.push(device.kyber_prekey.id);
        }
    }
}

fn distinct(ids: &[u32]) -> usize {
    ids.iter().collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_racers_on_two_bridges_get_every_prekey_once() {
    let stage = Arc::new(Stage::unlimited().await);
    let second = Arc::new(Bridge::beside(&stage).await);
    let mut alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let upload = alice.upload();
    let counts: PrekeyCount = alice.put_prekeys(&stage, &upload).await.into(200);
    assert_eq!((counts.one_time_prekeys, counts.one_time_kyber_prekeys), (100, 100));

    // Four each: 128 fetches of 100 keys, so that the race goes on over the end of the pool.
    let race = (0..RACERS).map(|racer| {
        let (stage, second, token) = (Arc::clone(&stage), Arc::clone(&second), bob.token.clone());
        tokio::spawn(async move {
            let mut bundles = Vec::new();
            for _ in 0..4 {
                let path = "/v1/prekeys/alice";
                let answer = if racer % 2 == 0 {
                    stage.get(path, Some(&token)).await
                } else {
                    second.get(path, &token).await
                };
                bundles.push(answer.into::<Bundle>(200));
            }
            bundles
        })
    });
    let mut popped = Popped::default();
    for racer in join_all(race).await {
        for bundle in racer.unwrap() {
            popped.take(&bundle, upload.last_resort_kyber_prekey.id);
        }
    }
    assert_eq!((popped.ec.len(), distinct(&popped.ec)), (100, 100));
    assert_eq!((popped.kyber.len(), distinct(&popped.kyber)), (100, 100));
    assert_eq!((popped.without_ec, popped.last_resort), (28, 28));
    Arc::into_inner(second).unwrap().end().await;
    Arc::into_inner(stage).unwrap().end().await;
}

#[tokio::test]
async fn a_bridge_that_dies_between_claim_and_answer_takes_that_key_along_and_no_other() {
    let stage = Stage::unlimited().await;
    let link = HeldLink::to(&stage.server_url(), "MSG.DELETE.PREKEYS").await;
    let doomed = Bridge::over(&stage, stage.bus_by_way_of(&link.url).await).await;
    let mut alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let upload = alice.upload();
    let _counts: PrekeyCount = alice.put_prekeys(&stage, &upload).await.into(200);

    // What the doomed bridge asks for is done, and it never hears so.
    link.arm();
    let url = format!("{}/v1/prekeys/alice", doomed.url);
    let call = reqwest::Client::new().get(url).bearer_auth(&bob.token).send();
    let call = tokio::spawn(call);
    eventually("the claim", async || link.holds()).await;
    let held = async || -> PrekeyCount {
        stage.get("/v1/prekeys/count", Some(&alice.token)).await.into(200)
    };
    eventually("one key of a kind is gone", async || {
        let held = held().await;
        held.one_time_prekeys == 99 || held.one_time_kyber_prekeys == 99
    })
    .await;
    assert!(!call.is_finished(), "an answer without a confirmed claim");
    doomed.kill().await;
    let answered = call.await.unwrap();
    assert!(answered.is_err() || answered.unwrap().status() != 200, "the call fails");

    let mut popped = Popped::default();
    for _ in 0..102 {
        popped.take(&bob.bundle_of(&stage, "alice").await, upload.last_resort_kyber_prekey.id);
    }
    for ids in [&popped.ec, &popped.kyber] {
        // Of each kind at most one was under way.
        assert!(ids.len() >= 99 && distinct(ids) == ids.len(), "{}", ids.len());
    }
    assert!(popped.ec.len() + popped.kyber.len() < 200, "the claimed key came back");
    let left = held().await;
    assert_eq!((left.one_time_prekeys, left.one_time_kyber_prekeys), (0, 0));
    stage.end().await;
}

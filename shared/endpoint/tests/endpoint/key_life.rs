//! Keys that are renewed while time passes.

use std::{collections::BTreeSet, time::Duration};

use sysmaint_bus::Directory as _;
use sysmaint_device::store::{LocalStore as _, PrekeyClass, PrekeyStore as _};
use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{Timestamp, rest::PrekeyCount};
use sysmaint_testkit::{Faults, eventually};

use crate::{
    conversation::{dead, keep, kept},
    samples::{record, recorded, report, take},
    site::Site,
};

const DAY: Duration = Duration::from_hours(24);
const FULL: PrekeyCount = PrekeyCount { one_time_prekeys: 100, one_time_kyber_prekeys: 100 };

/// When its certificate ends, and how many signed prekeys it keeps.
async fn kept_keys(endpoint: &Endpoint) -> (Timestamp, usize) {
    let own = endpoint.handle().clone();
    let look = endpoint.step(move |step| -> Result<_, StepError> {
        let store = step.device(&own)?;
        let ends = store.local()?.map(|local| local.certificate_expires_at).unwrap_or_default();
        Ok((ends, store.prekeys(PrekeyClass::Signed)?.len()))
    });
    look.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_days_of_one_way_telemetry_rotate_every_key_and_lose_nothing() {
    let site = Site::new(Faults::default()).await;
    let (probe, reader) = site.two().await;
    let (from, to) = (probe.handle().clone(), reader.handle().clone());
    let recording = tokio::spawn(record(reader.clone(), from.clone()));
    let mut signed = BTreeSet::new();
    for day in 0..40 {
        take(&probe, &to, day * 10 + 1, 10).await;
        eventually("the samples of a day", async || {
            report(&probe, &to).await;
            // Receipts that are due after a minute.
            site.moment.forward(Duration::from_mins(1));
            let recorded = recorded(&reader, &from).await as u64;
            (recorded == (day + 1) * 10).then_some(())
        })
        .await;
        site.moment.forward(DAY);
        for endpoint in [&probe, &reader] {
            let fresh = site.moment.clock().now().after(6 * DAY);
            eventually("a fresh certificate", async || {
                // Who was just looking when the day passed looks again after a pause.
                site.moment.forward(Duration::from_mins(1));
                (kept_keys(endpoint).await.0 >= fresh).then_some(())
            })
            .await;
            signed.insert(site.world.directory().prekeys(endpoint.handle()).signed_prekey.id);
        }
    }
    assert!(signed.len() >= 2 * 19, "{} signed prekeys in forty days", signed.len());
    for endpoint in [&probe, &reader] {
        let (_, kept) = kept_keys(endpoint).await;
        // On a busy machine more time passes than forty days, and fewer keys are young enough.
        assert!((12..=42).contains(&kept), "{kept} signed prekeys are kept");
        assert_eq!(dead(endpoint).await, []);
        let repair = endpoint.status().borrow().repair;
        assert_eq!((repair.awaited, repair.repaired, repair.missing), (0, 0, 0));
    }
    recording.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_owner_refills_a_stock_that_others_have_emptied() {
    let site = Site::new(Faults::default()).await;
    let alice = site.participant("alice").await;
    let stock = async || site.world.directory().prekey_stock(&alice.mailbox()).await.unwrap().count;
    assert_eq!(stock().await, FULL);
    // Nobody writes to it: it is told of nothing.
    let nobody = "nobody".parse().unwrap();
    for _ in 0..100 {
        site.world.directory().bundle(&nobody, alice.handle()).await.unwrap();
    }
    assert_eq!(stock().await.one_time_prekeys, 0);
    eventually("the stock is full again", async || {
        site.moment.forward(Duration::from_mins(1));
        (stock().await == FULL).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_on_an_exhausted_stock_which_is_refilled_for_the_next() {
    let site = Site::new(Faults::default()).await;
    let (alice, bob) = (site.participant("alice").await, site.participant("bob").await);
    site.world.exhaust("bob");
    let reading = tokio::spawn(keep(bob.clone()));
    alice.say(&bob, "on the last resort").await;
    assert_eq!(kept(&bob, 1).await, ["on the last resort"]);
    eventually("a refill", async || site.world.has_prekeys("bob").then_some(())).await;
    assert_eq!(dead(&bob).await, []);
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_was_put_back_to_old_prekeys_gets_the_new_ones_again() {
    let site = Site::new(Faults::default()).await;
    let (alice, bob) = (site.participant("alice").await, site.participant("bob").await);
    let directory = site.world.directory();
    let served = || directory.prekeys(bob.handle());
    let old = served();
    eventually("a rotation", async || {
        site.moment.forward(Duration::from_hours(1));
        (served().signed_prekey.id != old.signed_prekey.id).then_some(())
    })
    .await;
    let new = served();
    directory.put_back(bob.handle(), old.clone());
    eventually("the new ones", async || {
        site.moment.forward(Duration::from_mins(1));
        (served().signed_prekey.id == new.signed_prekey.id).then_some(())
    })
    .await;
    assert_eq!(served().last_resort_kyber_prekey, new.last_resort_kyber_prekey);
    let reading = tokio::spawn(keep(bob.clone()));
    alice.say(&bob, "on the right ones").await;
    assert_eq!(kept(&bob, 1).await, ["on the right ones"]);
    reading.abort();
}

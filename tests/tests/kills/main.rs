//! `kill -9` of devices at named points, with everything around them real: nothing is lost,
//! nothing comes twice, and no message key is used twice.
//!
//! Each device is a process of its own, `tests/examples/mortal-device`. A kill at a point is one
//! by the process itself, at a passage that the seed has drawn; `KILLS_SEED` repeats a seed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, which print what they measured"
)]

mod campaign;
mod findings;
mod mortal;
mod proof;
mod schedule;

use std::time::Duration;

use crate::campaign::Campaign;

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_are_killed_at_every_point_lose_nothing_and_repeat_nothing() {
    let mut campaign = Campaign::begin("kills", Duration::from_millis(250)).await;
    let plans = schedule::short(&mut campaign.random, Campaign::DEVICES);
    campaign.fight(plans, None).await;
    let findings = campaign.end().await;
    assert!(findings.messages > 200, "hardly anything was said");
    assert_eq!(findings.overtaken, 0, "order was lost");
    assert_eq!(findings.requests, 0, "something could not be opened");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour"]
async fn hundreds_of_kills_amid_thousands_of_messages_lose_nothing_and_repeat_nothing() {
    let mut campaign = Campaign::begin("hundreds of kills", Duration::from_millis(300)).await;
    let plans: Vec<_> =
        (0..Campaign::DEVICES).map(|_| schedule::long(&mut campaign.random, 90)).collect();
    campaign.fight(plans, Some(8_000..25_000)).await;
    let findings = campaign.end().await;
    assert!(findings.messages > 3000, "hardly anything was said");
    assert!(findings.redelivered > 100, "hardly anything came twice");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn devices_that_are_killed_in_the_middle_of_repair_get_everything_once() {
    let mut campaign = Campaign::begin("kills amid repair", Duration::from_millis(600)).await;
    let plans: Vec<_> =
        (0..Campaign::DEVICES).map(|_| schedule::repairs(&mut campaign.random, 10)).collect();
    campaign.fight(plans, None).await;
    let findings = campaign.end().await;
    assert!(findings.requests > 10, "hardly anything was to be repaired");
}

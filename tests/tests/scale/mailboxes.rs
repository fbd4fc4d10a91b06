//! A hundred thousand mailboxes, filled past the bridge.

use std::time::{Duration, Instant};

use serde_json::json;
use sysmaint_bus::BusConfig;
use sysmaint_protocol::{
    DeviceId, TransferId,
    subject::{Mailbox, mailbox_stream},
};
use sysmaint_tests::{RawNats, eventually_within};

/// Bytes in the shape of an envelope of about half a kilobyte.
pub(crate) fn envelope() -> Vec<u8> {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.resize(bytes.len() + 32, 1);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.resize(bytes.len() + 43, 2);
    bytes.extend_from_slice(&[0x1a, 0xac, 0x03]);
    bytes.resize(bytes.len() + 428, 3);
    bytes
}

pub(crate) fn name(number: usize) -> String {
    format!("m{number}")
}

/// Puts so many envelopes into each of so many mailboxes; returns how long it took to store them.
pub(crate) async fn fill(wire: &RawNats, mailboxes: usize, each: usize) -> Duration {
    let (started, envelope) = (Instant::now(), envelope());
    for number in 0..mailboxes {
        let mailbox = Mailbox::new(name(number).parse().unwrap(), DeviceId::FIRST);
        for _ in 0..each {
            let id = TransferId::from_bytes(rand::random()).to_string();
            wire.publish(&mailbox.sealed(), None, &[("Nats-Msg-Id", &id)], &envelope).await;
        }
        // A stream takes ten thousand waiting messages and refuses the rest.
        if number % 2_000 == 1_999 {
            stored(wire, (number + 1) * each).await;
        }
    }
    stored(wire, mailboxes * each).await;
    started.elapsed()
}

async fn stored(wire: &RawNats, wanted: usize) {
    eventually_within(super::PATIENCE, "stored envelopes", async || {
        (count(wire).await >= wanted).then_some(())
    })
    .await;
}

/// Envelopes in all mailboxes.
pub(crate) async fn count(wire: &RawNats) -> usize {
    let mut sum = 0;
    for shard in 0..BusConfig::SHARDS {
        let subject = format!("$JS.API.STREAM.INFO.{}", mailbox_stream(shard));
        let info = wire.request(&subject, &[], json!({}).to_string().as_bytes()).await.json();
        sum += usize::try_from(info["state"]["messages"].as_u64().unwrap_or(0)).unwrap();
    }
    sum
}

//! How long a message takes from one socket to another.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sysmaint_protocol::{
    Base64Bytes, DeviceId, TransferId,
    rest::TrustRoot,
    websocket::{ClientFrame, Outgoing, ServerFrame},
};

use crate::{
    client::{Client, Socket},
    mailboxes, percentile, ready, relay_alone,
};

const ALONE: usize = 2_000;
const TOGETHER: usize = 20_000;
const IN_FLIGHT: usize = 64;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement; make test-heavy"]
async fn a_message_passes_from_socket_to_socket() {
    for durability in ["power", "process"] {
        let services = relay_alone(durability);
        let relay = services.relay();
        ready(&relay).await;
        let root: TrustRoot =
            serde_json::from_value(relay.get("/v1/certificate/root").await.unwrap()).unwrap();
        let alice = Client::register(&relay, &root, "alice").await;
        let bob = Client::register(&relay, &root, "bob").await;
        for (count, in_flight) in [(ALONE, 1), (TOGETHER, IN_FLIGHT)] {
            let (mut from, mut to) = (alice.open().await, bob.open().await);
            let started = Instant::now();
            let mut times = pass(&mut from, &mut to, &bob, count, in_flight).await;
            let elapsed = started.elapsed();
            times.sort_unstable();
            println!(
                "durability {durability}, {in_flight} in flight: send to delivery p50 {:.2?}, p99 \
                 {:.2?}; {:.0} messages/s",
                percentile(&times, 50),
                percentile(&times, 99),
                f64::from(u32::try_from(count).unwrap()) / elapsed.as_secs_f64()
            );
        }
    }
}

/// Sends, receives and acknowledges so many; returns how long each was on its way.
async fn pass(
    from: &mut Socket,
    to: &mut Socket,
    recipient: &Client,
    count: usize,
    in_flight: usize,
) -> Vec<Duration> {
    let (mut begun, mut times) = (HashMap::new(), Vec::with_capacity(count));
    let (mut sent, mut confirmed, mut acked) = (0, 0, 0);
    let envelope = mailboxes::envelope();
    while acked < count {
        while sent < count && sent - times.len().min(confirmed) < in_flight {
            let id = TransferId::from_bytes(rand::random());
            begun.insert(id, Instant::now());
            let outgoing = Outgoing {
                id,
                to: recipient.handle.parse().unwrap(),
                device_id: DeviceId::FIRST,
                registration_id: recipient.registration_id,
                envelope: Base64Bytes(envelope.clone()),
            };
            from.send(&ClientFrame::Send(outgoing)).await;
            sent += 1;
        }
        tokio::select! {
            frame = from.next() => match frame {
                ServerFrame::Sent { .. } => confirmed += 1,
                other => panic!("{other:?}"),
            },
            frame = to.next() => match frame {
                ServerFrame::Deliver { seq, id, .. } => {
                    times.push(begun.remove(&id.unwrap()).unwrap().elapsed());
                    to.send(&ClientFrame::Ack { seq: vec![seq] }).await;
                }
                ServerFrame::Acked { seq } => acked += seq.len(),
                other => panic!("{other:?}"),
            },
        }
    }
    times
}

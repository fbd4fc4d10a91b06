//! Anchors of audits: kept for good, read by the operator and the relay.

use sysmaint_protocol::{
    Timestamp,
    audit::{Anchor, BridgeId, Digest},
    subject::{self, AUDIT},
};

use crate::site::Site;

fn anchor(bridge: u8, sequence: u64) -> Anchor {
    Anchor {
        bridge: BridgeId::from_bytes([bridge; 16]),
        sequence,
        hash: Digest::from_bytes([7; 32]),
        time: Timestamp::from_millis(1_795_426_200_000),
    }
}

#[tokio::test]
async fn anchors_come_back_by_bridge_and_in_order_and_once() {
    let (site, relay) = Site::new().await;
    let own: Vec<_> = (1..=600).map(|sequence| anchor(1, sequence)).collect();
    for anchor in own.iter().chain([&own[599], &anchor(2, 9)]) {
        relay.publish_anchor(anchor).await.unwrap();
    }
    let operator = site.bus("operator").await;
    for bus in [&relay, &operator] {
        assert_eq!(bus.anchors(&own[0].bridge).await.unwrap(), own);
        assert_eq!(bus.anchors(&anchor(2, 9).bridge).await.unwrap(), [anchor(2, 9)]);
        assert_eq!(bus.anchors(&BridgeId::from_bytes([3; 16])).await.unwrap(), []);
    }
    site.server.stop().await;
}

#[tokio::test]
async fn what_was_anchored_cannot_be_taken_back_even_by_the_relay() {
    let (site, relay) = Site::new().await;
    relay.publish_anchor(&anchor(1, 1)).await.unwrap();
    let (client, _denials) = site.client("relay").await;
    for (call, payload) in [
        (format!("$JS.API.STREAM.MSG.DELETE.{AUDIT}"), "{\"seq\":1}".to_owned()),
        (format!("$JS.API.STREAM.PURGE.{AUDIT}"), "{}".to_owned()),
    ] {
        let answer = client.request(call.clone(), payload.into()).await.unwrap();
        let text = String::from_utf8_lossy(&answer.payload).into_owned();
        assert!(text.contains("\"error\""), "{call}: {text}");
    }
    assert_eq!(relay.anchors(&anchor(1, 1).bridge).await.unwrap().len(), 1);
    site.server.stop().await;
}

#[tokio::test]
async fn nobody_but_the_relay_leaves_an_anchor() {
    let (site, relay) = Site::new().await;
    let bridge = anchor(1, 1).bridge;
    for user in ["alice", "operator", "tap"] {
        let (client, denials) = site.client(user).await;
        client.publish(subject::audit(&bridge), "{}".into()).await.unwrap();
        denials.expect(&subject::audit(&bridge)).await;
    }
    let service = site.bus("alice").await;
    let error = service.anchors(&bridge).await.unwrap_err().to_string();
    assert!(error.contains("ermissions"), "{error}");
    assert_eq!(relay.anchors(&bridge).await.unwrap(), []);
    site.server.stop().await;
}

#[tokio::test]
async fn what_is_no_anchor_is_said() {
    let (site, relay) = Site::new().await;
    let bridge = anchor(1, 1).bridge;
    let (client, _denials) = site.client("relay").await;
    client.request(subject::audit(&bridge), "{}".into()).await.unwrap();
    let error = relay.anchors(&bridge).await.unwrap_err().to_string();
    assert!(error.contains("message 1"), "{error}");
    site.server.stop().await;
}

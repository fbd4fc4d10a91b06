//! What operators see of a bridge, and what they do not.

use reqwest::Method;
use sysmaint_protocol::rest::Transport;
use sysmaint_relay_bridge::Config;

use crate::{
    person::Person,
    stage::{Stage, answer},
};

#[tokio::test]
async fn metrics_are_for_this_machine_and_the_operator_and_name_nobody() {
    let config = Config {
        port: 0,
        operator_token: Some("operator-secret".to_owned().into()),
        ..Config::default()
    };
    let stage = Stage::with(config).await;
    let alice = Person::ready(&stage, "alice").await;
    stage.get("/v1/prekeys/alice", Some(&alice.token)).await;
    stage.get("/v1/prekeys/count", Some("guess")).await;

    let near = stage.get("/metrics", None).await;
    assert_eq!(
        (near.status.as_u16(), near.header("content-type").starts_with("text/plain")),
        (200, true)
    );
    let text = String::from_utf8(near.bytes).unwrap();
    for line in [
        "sysmaint_relay_events_total{event=\"registration_accepted\"} 1",
        "sysmaint_relay_events_total{event=\"unauthenticated\"} 1",
        "sysmaint_relay_nats_connected 1",
        "sysmaint_http_sockets{service=\"relay\"} 0",
        "sysmaint_http_requests_in_flight{service=\"relay\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let route = "method=\"GET\",route=\"/v1/prekeys/{id}\",service=\"relay\",status=\"2xx\"} 1";
    assert!(text.contains(route), "{text}");
    assert!(!text.contains("alice") && !text.contains("secret"), "{text}");

    let far = |token| {
        let request = stage.request(Method::GET, "/metrics", token);
        answer(request.header("host", "relay.example"))
    };
    far(None).await.problem(403, "operators-only");
    assert_eq!(far(Some("operator-secret")).await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn diagnostics_say_what_clients_take_and_may_take() {
    let mut config = Config { port: 0, ..Config::default() };
    config.http.connections_per_peer = 7;
    let stage = Stage::with(config).await;
    let report = &stage.get("/diagnostics", None).await.json()["connections"];
    assert_eq!(report["max"], 16_384);
    assert_eq!(report["max_per_peer"], 7);
    assert_eq!(report["header_timeout_ms"], 10_000);
    assert!(report["open"].as_u64().unwrap() >= 1);
    assert!(report["events"]["accepted"].as_u64().unwrap() >= 1);
    assert_eq!(report["events"]["refused_peer"], 0);
    stage.end().await;
}

#[tokio::test]
async fn every_answer_of_the_relay_carries_a_request_id() {
    let stage = Stage::new().await;
    for path in ["/livez", "/v2/nothing", "/v1/prekeys/count"] {
        assert_eq!(stage.get(path, None).await.header("x-request-id").len(), 32, "{path}");
    }
    let bob = Person::new(&stage, "bob");
    assert_eq!(bob.register(&stage, Transport::Relay).await.header("x-request-id").len(), 32);
    stage.end().await;
}

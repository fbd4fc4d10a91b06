//! Hosts, usage and health.

use std::time::Duration;

use serde_json::json;
use sysmaint_protocol::{Timestamp, alert::State};
use sysmaint_web::backend::LinkState;

use crate::{Server, client::Request, keys, memory::now, plausible};

#[tokio::test]
async fn the_status_has_the_documented_shape() {
    let server = Server::quick().await;
    let empty = server.get("/api/status/current").await.json();
    assert_eq!((&empty["hosts"], keys(&empty)), (&json!([]), vec!["hosts", "usage"]));
    let usage = ["answers", "cost_usd", "input_tokens", "output_tokens", "since"];
    assert_eq!(keys(&empty["usage"]), usage);

    server.memory.show_host(plausible::host("diagprobe", now(), false));
    let status = server.get("/api/status/current").await.json();
    assert_eq!(
        keys(&status["hosts"][0]),
        ["duplicate", "host", "last_seen", "late", "lost", "missing", "sample", "stale"]
    );
    assert!(status["hosts"][0]["sample"]["cpu_percent"].is_number());

    let link = server.get("/api/status/link").await.json();
    assert_eq!((&link["connected"], &link["outbox_waiting"]), (&json!(true), &json!(0)));
}

#[tokio::test]
async fn a_history_has_a_host_and_points_and_only_the_documented_ranges() {
    let server = Server::quick().await;
    server.memory.show_host(plausible::host("diagprobe", now(), false));
    for range in ["1h", "12h", "24h", "7d", "30d"] {
        let path = format!("/api/status/history?host=diagprobe&range={range}");
        let history = server.get(&path).await.json();
        assert_eq!(
            (keys(&history), &history["host"]),
            (vec!["host", "points"], &json!("diagprobe"))
        );
        let rolled_up = history["points"][0].get("cpu_percent_max").is_some();
        assert_eq!(rolled_up, !matches!(range, "1h" | "12h"), "{range}");
    }
    let problem = server.get("/api/status/history?host=diagprobe&range=2h").await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("30d"), "{problem}");
    server.get("/api/status/history?host=unknown&range=1h").await.problem(404);
    server.get("/api/status/history?range=1h").await.problem(400);
}

#[tokio::test]
async fn a_usage_reset_needs_json_and_no_arguments() {
    let server = Server::quick().await;
    let path = "/api/status/usage/reset";
    assert_eq!(server.post(path, json!({})).await.status, 202);
    let empty = Request::post_raw(path, "").header("Content-Type", "application/json");
    assert_eq!(empty.send(server.address).await.status, 202);
    server.post(path, json!({"all": true})).await.problem(400);
    Request::post_raw(path, "").send(server.address).await.problem(415);
}

#[tokio::test]
async fn health_follows_the_bus_and_liveness_does_not() {
    let server = Server::quick().await;
    assert_eq!(server.get("/health").await.json()["checks"], json!({"bus": "ok", "store": "ok"}));
    server.memory.set_link(LinkState { connected: false, ..LinkState::default() });
    for path in ["/health", "/readyz"] {
        let response = server.get(path).await;
        assert_eq!(response.status, 503);
        assert_eq!(response.json()["checks"]["bus"], "disconnected");
    }
    let live = server.get("/livez").await;
    assert_eq!((live.status, &live.json()["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn alerts_are_listed_newest_first_and_bounded() {
    let server = Server::quick().await;
    assert_eq!(server.get("/api/alerts").await.json(), json!({"alerts": []}));
    for id in 1..=3 {
        server.memory.show_alert(plausible::alert(id, State::Firing));
    }
    let alerts = server.get("/api/alerts?limit=2").await.json();
    let listed = alerts["alerts"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let keys = keys(&listed[0]);
    assert_eq!(
        keys,
        ["cause", "host", "id", "metric", "rule", "severity", "since", "state", "summary"]
    );
    for limit in ["0", "1001", "x"] {
        server.get(&format!("/api/alerts?limit={limit}")).await.problem(400);
    }
}

#[tokio::test]
async fn a_window_of_one_host_has_the_alerts_that_were_so_in_it() {
    let server = Server::quick().await;
    let (firing, over) = (plausible::alert(2, State::Firing), plausible::alert(1, State::Resolved));
    for alert in [&over, &firing] {
        server.memory.show_alert(alert.clone());
    }
    let until = over.until.unwrap();
    let count = async |host: &str, from: Timestamp, to: Timestamp| {
        let path = format!("/api/alerts?host={host}&from={from}&to={to}");
        server.get(&path).await.json()["alerts"].as_array().unwrap().len()
    };
    let minute = Duration::from_mins(1);
    assert_eq!(count("diagprobe", until.before(minute), until).await, 2);
    assert_eq!(count("diagprobe", until.after(minute), until.after(2 * minute)).await, 1);
    assert_eq!(count("web1", until.before(minute), until).await, 0);
    for query in ["host=diagprobe", "from=2026-11-23T00:00:00Z&to=2026-11-23T01:00:00Z"] {
        server.get(&format!("/api/alerts?{query}")).await.problem(400);
    }
    let inverted = format!("/api/alerts?host=diagprobe&from={until}&to={}", until.before(minute));
    server.get(&inverted).await.problem(400);
}

//! What is refused, and what every answer carries.

use serde_json::json;
use sysmaint_protocol::limits::TEXT_MAX;

use crate::{Server, client::Request};

#[tokio::test]
async fn wrong_bodies_are_refused_in_words() {
    let server = Server::quick().await;
    let send = |body: &str, kind| {
        let request = Request::post_raw("/api/chat", body).header("Content-Type", kind);
        request.send(server.address)
    };
    let json = "application/json";
    send(r#"{"prompt":"x"}"#, "text/plain").await.problem(415);
    let problem = send("{", json).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("line 1"), "{problem}");
    let problem = send(r#"{"promt":"x"}"#, json).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("`prompt`"), "{problem}");
    let problem = send("{}", json).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("`prompt`"), "{problem}");
    let problem = send(r#"{"prompt":"  "}"#, json).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("empty"), "{problem}");
    let long = json!({"prompt": "x".repeat(TEXT_MAX + 1)});
    send(&long.to_string(), json).await.problem(413);
    let huge = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(200_000));
    send(&huge, json).await.problem(413);
    // The longest text, every byte of it escaped, still fits.
    let full = format!(r#"{{"prompt":"{}"}}"#, r"\u0001".repeat(TEXT_MAX));
    assert_eq!(send(&full, json).await.status, 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = Server::quick().await;
    server.get("/api/nothing").await.problem(404);
    server.get("/nothing").await.problem(404);
    server.get("/assets/../Cargo.toml").await.problem(404);
    server.get("/assets/%2e%2e%2fCargo.toml").await.problem(404);
    let response = server.get("/api/chat").await;
    response.problem(405);
    assert_eq!(response.header("allow"), Some("POST"));
    Request::new("DELETE", "/").send(server.address).await.problem(405);
}

#[tokio::test]
async fn a_foreign_host_is_not_served() {
    let server = Server::quick().await;
    let port = server.address.port();
    for host in ["evil.example", "evil.example:3000", "127.0.0.1", "localhost:1"] {
        let response = Request::get("/").header("Host", host).send(server.address).await;
        response.problem(421);
    }
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let request = Request::get("/").header("Host", &format!("{host}:{port}"));
        assert_eq!(request.send(server.address).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn another_site_can_neither_ask_nor_listen() {
    let server = Server::quick().await;
    let ask = || Request::post("/api/chat", &json!({"prompt": "x"}));
    let foreign = ask().header("Origin", "http://evil.example").send(server.address).await;
    foreign.problem(403);
    ask().header("Sec-Fetch-Site", "cross-site").send(server.address).await.problem(403);
    for path in ["/api/events", "/api/demo/wire"] {
        let listen = Request::get(path).header("Origin", "http://evil.example");
        listen.send(server.address).await.problem(403);
        let listen = Request::get(path).header("Sec-Fetch-Site", "same-site");
        listen.send(server.address).await.problem(403);
    }
    let own = format!("http://{}", server.address);
    let asked = ask().header("Origin", &own).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(asked.send(server.address).await.status, 200);
    assert!(server.get("/").await.header("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn every_answer_carries_the_protecting_headers() {
    let server = Server::quick().await;
    for path in ["/", "/favicon.svg", "/api/status/current", "/nothing"] {
        let response = server.get(path).await;
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'; script-src 'self'; style-src 'self';"));
        assert!(policy.ends_with("frame-ancestors 'none'; base-uri 'none'; form-action 'none'"));
        assert!(policy.contains("require-trusted-types-for 'script'"), "{path}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(response.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
    }
    let api = server.get("/api/status/current").await;
    assert_eq!(api.header("cache-control"), Some("no-store"));
    let foreign = Request::get("/").header("Host", "evil.example").send(server.address).await;
    assert!(foreign.header("content-security-policy").is_some());
}

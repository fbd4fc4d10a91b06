//! Who may ask what, and how the rest is told off.

use reqwest::Method;
use serde_json::json;
use sysmaint_protocol::rest::TrustRoot;
use sysmaint_relay_bridge::Config;

use crate::{
    person::Person,
    stage::{SOURCE, Stage, answer},
};

#[tokio::test]
async fn everything_but_health_docs_root_and_registration_needs_a_token() {
    let stage = Stage::new().await;
    let calls = [
        (Method::POST, "/v1/prekeys"),
        (Method::GET, "/v1/prekeys/count"),
        (Method::GET, "/v1/prekeys/alice"),
        (Method::POST, "/v1/messages"),
        (Method::GET, "/v1/certificate/delivery"),
    ];
    let long = "a".repeat(500);
    for (method, path) in calls {
        for token in [None, Some(""), Some("guess"), Some(&*long)] {
            let refused = answer(stage.request(method.clone(), path, token)).await;
            refused.problem(401, "unauthenticated");
            assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"sysmaint\"");
        }
    }
    for path in [
        "/",
        "/docs",
        "/docs/style.css",
        "/health",
        "/livez",
        "/openapi.json",
        "/readyz",
        "/source",
        "/v1/certificate/root",
    ] {
        assert_eq!(stage.get(path, None).await.status, 200, "{path}");
    }
    assert_eq!(stage.rejects("unauthenticated").await, 20);
    stage.end().await;
}

#[tokio::test]
async fn diagnostics_are_for_this_machine_and_the_operator() {
    let config = Config {
        port: 0,
        operator_token: Some("operator-secret".to_owned().into()),
        ..Config::default()
    };
    let stage = Stage::with(config).await;
    let near = stage.get("/diagnostics", None).await;
    assert_eq!(near.status, 200);
    let report = near.json();
    assert_eq!(report["nats"]["connected"], true);
    assert_eq!(report["mailboxes"]["messages"], 0);
    assert_eq!(report["durability"], "unknown");
    assert!(!report.to_string().contains("secret"));

    for (name, value) in [("host", "relay.example"), ("x-forwarded-for", "10.0.0.7")] {
        let far =
            |token| answer(stage.request(Method::GET, "/diagnostics", token).header(name, value));
        far(None).await.problem(403, "operators-only");
        far(Some("operator-guess")).await.problem(403, "operators-only");
        assert_eq!(far(Some("operator-secret")).await.status, 200);
    }
    stage.end().await;
}

#[tokio::test]
async fn without_an_operator_token_no_token_is_the_operators() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    for token in ["", &alice.token] {
        let far = stage.request(Method::GET, "/diagnostics", Some(token));
        answer(far.header("host", "relay.example")).await.problem(403, "operators-only");
    }
    stage.end().await;
}

#[tokio::test]
async fn every_mistake_is_a_problem_with_a_name() {
    let stage = Stage::new().await;
    stage.get("/v2/nothing", None).await.problem(404, "not-found");
    let wrong_method = answer(stage.request(Method::DELETE, "/v1/messages", None)).await;
    wrong_method.problem(405, "method-not-allowed");
    assert_eq!(wrong_method.header("allow"), "POST");

    let post = || stage.request(Method::POST, "/v1/register/challenge", None);
    answer(post().body("{}")).await.problem(415, "not-json");
    let text = post().header("content-type", "text/plain").body("{}");
    answer(text).await.problem(415, "not-json");
    let json =
        |body: &'static str| answer(post().header("content-type", "application/json").body(body));
    json("{").await.problem(400, "invalid-request");
    let bad = json("{\"identity\":\"Alice\",\"device_id\":1}").await;
    let bad = bad.problem(400, "invalid-request");
    assert!(bad["detail"].as_str().unwrap().starts_with("identity: "), "{bad}");
    let long = format!("{{\"identity\":\"{}\"}}", "a".repeat(20_000));
    let long = post().header("content-type", "application/json").body(long);
    answer(long).await.problem(413, "body-too-large");
    stage.end().await;
}

#[tokio::test]
async fn a_one_time_code_in_the_wrong_place_is_not_repeated() {
    let stage = Stage::new().await;
    for body in [json!({ "code": 493_817 }), json!({ "identity": "alice", "transport": "493817" })]
    {
        let refused = stage.post("/v1/register", None, &body).await;
        let problem = refused.problem(400, "invalid-request");
        assert!(!problem.to_string().contains("493817"), "{problem}");
    }
    stage.end().await;
}

#[tokio::test]
async fn every_answer_carries_what_keeps_browsers_out() {
    let stage = Stage::new().await;
    for path in ["/", "/health", "/v1/certificate/root", "/nothing", "/v1/prekeys/count"] {
        let answer = stage.get(path, None).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    stage.end().await;
}

#[tokio::test]
async fn root_source_and_health_are_what_they_say() {
    let stage = Stage::new().await;
    let root: TrustRoot = stage.get("/v1/certificate/root", None).await.into(200);
    assert_eq!(root.trust_root.0, stage.authority.trust_root());
    let source = stage.get("/source", None).await;
    assert_eq!(source.bytes, SOURCE);
    assert_eq!(source.header("content-type"), "application/gzip");
    let health = stage.get("/health", None).await.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["checks"]["nats"], "ok");
    stage.end().await;
}

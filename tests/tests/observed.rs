//! What operators see of a stack: numbers, requests, and HTTPS.

use serde_json::Value;
use sysmaint_tests::{Service, Services, Stack, Web, eventually, free_port, make_certificate};

/// Who takes part. The numbers name none of them.
const HANDLES: [&str; 3] = ["alice", "bob", "diagprobe"];

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|found| found == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_pages_show_every_service_and_name_nobody() {
    let mut stack = Stack::builder().start().await;
    stack.web().ask("how is the load?").await.unwrap();
    for server in [stack.relay(), stack.web()] {
        let text = eventually("all numbers", async || {
            let text = server.text("/metrics").await?;
            let settled = ["agent", "probe", "web"].iter().all(|service| {
                has(&text, &format!("sysmaint_endpoint_registered{{service=\"{service}\"}} 1"))
                    && has(
                        &text,
                        &format!("sysmaint_endpoint_receiving{{service=\"{service}\"}} 1"),
                    )
            });
            (settled && has(&text, "sysmaint_agent_answers_total 1")).then_some(text)
        })
        .await;
        assert!(has(&text, "sysmaint_relay_nats_connected 1"), "{text}");
        let asked = "method=\"POST\",route=\"/api/chat\",service=\"web\",status=\"2xx\"} 1";
        assert!(text.contains(asked), "{text}");
        for name in ["last_sent_timestamp_seconds", "last_opened_timestamp_seconds"] {
            let line = format!("sysmaint_endpoint_{name}{{service=\"agent\"}} ");
            assert!(text.contains(&line), "{line}\n{text}");
        }
        for handle in HANDLES {
            assert!(!text.contains(handle), "{handle}\n{text}");
        }
    }
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_alone_shows_its_numbers_where_it_is_told_to() {
    let agent = Web::new(free_port());
    let mut services = Services::builder()
        .with("SYSMAINT_METRICS_BIND", format!("127.0.0.1:{}", agent.port()))
        .prepare();
    for service in [Service::Nats, Service::Relay, Service::Agent] {
        services.launch(service);
    }
    eventually("the agent's page", async || {
        let text = agent.text("/metrics").await?;
        has(&text, "sysmaint_endpoint_registered{service=\"agent\"} 1").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_found_in_the_log_by_its_id_and_route() {
    let mut stack = Stack::builder()
        .with("LOG_FORMAT", "json")
        .with("RUST_LOG", "info,sysmaint_service=debug")
        .start()
        .await;
    let url = stack.relay().url("/v1/prekeys/alice");
    let client = reqwest::Client::new();
    let answer = client.get(url).header("x-request-id", "by-hand-7").send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "by-hand-7");
    let line = eventually("the line of the request", async || {
        let log = stack.process().stderr();
        log.lines().find(|line| line.contains("by-hand-7")).map(str::to_owned)
    })
    .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["span"]["id"], "by-hand-7", "{line}");
    assert_eq!((&line["route"], &line["status"]), (&"/v1/prekeys/{id}".into(), &401.into()));
    assert!(stack.stop().await);
    let log = stack.process().stderr();
    let requests = log.lines().filter(|line| line.contains("\"route\""));
    for line in requests {
        assert!(!HANDLES.iter().any(|handle| line.contains(handle)), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relay_and_pages_speak_https_once_they_have_a_certificate() {
    let directory = tempfile::TempDir::new().unwrap();
    let (certificate, key) = make_certificate(directory.path());
    let mut stack = Stack::builder()
        .with("RELAY_TLS_CERT_FILE", certificate.display())
        .with("RELAY_TLS_KEY_FILE", key.display())
        .with("WEB_TLS_CERT_FILE", certificate.display())
        .with("WEB_TLS_KEY_FILE", key.display())
        .start()
        .await;
    let (relay, web) = (stack.relay().port(), stack.web().port());
    assert!(stack.process().stdout().contains(&format!("ready https://127.0.0.1:{web}\n")));
    let pem = std::fs::read(&certificate).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap();
    for (port, path) in [(relay, "/readyz"), (relay, "/diagnostics"), (web, "/readyz")] {
        let answer = client.get(format!("https://localhost:{port}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    let post = |origin: String| {
        let request = client.post(format!("https://localhost:{web}/api/status/usage/reset"));
        request.header("origin", origin).json(&serde_json::json!({})).send()
    };
    assert_eq!(post(format!("https://localhost:{web}")).await.unwrap().status(), 202);
    assert_eq!(post(format!("http://localhost:{web}")).await.unwrap().status(), 403);
    assert!(stack.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_the_pages_once_they_know_the_password() {
    let directory = tempfile::TempDir::new().unwrap();
    let password = directory.path().join("password");
    std::fs::write(&password, "correct horse battery\n").unwrap();
    let mut stack = Stack::builder()
        .with("WEB_BIND", "0.0.0.0")
        .with("WEB_HOSTS", "monitor.example")
        .with("WEB_PASSWORD_FILE", password.display())
        .start()
        .await;
    let port = stack.web().port();
    assert!(stack.process().stdout().contains(&format!("ready http://127.0.0.1:{port}\n")));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .resolve("monitor.example", ([127, 0, 0, 1], port).into())
        .build()
        .unwrap();
    let url = |path: &str| format!("http://monitor.example:{port}{path}");
    let log_in = |password: &str| {
        client.post(url("/api/login")).json(&serde_json::json!({ "password": password })).send()
    };
    assert_eq!(client.get(url("/readyz")).send().await.unwrap().status(), 200);
    assert_eq!(client.get(url("/api/status/current")).send().await.unwrap().status(), 401);
    let shown = client.get(url("/?host=diagprobe&range=24h")).send().await.unwrap();
    assert_eq!(shown.headers()["location"], "/login?next=/%3Fhost%3Ddiagprobe%26range%3D24h");
    assert_eq!(log_in("correct horse battery\n").await.unwrap().status(), 401);
    let entered = log_in("correct horse battery").await.unwrap();
    assert_eq!(entered.status(), 204);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let status =
        client.get(url("/api/status/current")).header("cookie", cookie).send().await.unwrap();
    let status: Value = serde_json::from_str(&status.text().await.unwrap()).unwrap();
    assert_eq!(status["hosts"][0]["host"], "diagprobe");
    assert!(stack.stop().await);
    let log = stack.process().stderr();
    assert!(log.contains("WEB_BIND=0.0.0.0 without TLS"), "{log}");
    let secret = cookie.split('=').nth(1).unwrap();
    assert!(!log.contains("correct horse") && !log.contains(secret), "{log}");
}

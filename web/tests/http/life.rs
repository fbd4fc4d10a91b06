//! The listener, from its start to its end.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use sysmaint_service::metrics::Metrics;
use sysmaint_web::{BindError, Config, bind, serve};
use tokio_util::sync::CancellationToken;

use crate::{
    SOURCE, Server,
    client::Request,
    config,
    memory::{Agent, Memory},
};

#[tokio::test]
async fn a_shutdown_ends_streams_and_waiting_calls() {
    let mut patient = config();
    patient.chat_timeout = Duration::from_mins(10);
    let memory = Memory::new(Agent::Silent, [patient.alice.clone(), patient.bob.clone()]);
    let listener = bind(&patient).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let backend = Arc::new(memory.clone());
    let metrics = Metrics::start("0.0.0", None).unwrap();
    let serving = serve(listener, patient, backend, metrics, SOURCE, shutdown.clone());
    let running = tokio::spawn(serving);

    let mut events = Request::get("/api/events").stream(address).await;
    events.until("event: hello").await;
    let waiting = tokio::spawn(Request::post("/api/chat", &json!({"prompt": "x"})).send(address));
    events.until("\"state\":\"sealed\"").await;
    let began = Instant::now();
    shutdown.cancel();
    events.rest().await;
    let problem = waiting.await.unwrap().problem(503);
    assert!(problem["id"].is_string(), "{problem}");
    running.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for the grace to pass");
}

#[tokio::test]
async fn a_taken_port_and_a_public_address_are_refused_in_a_sentence() {
    let server = Server::quick().await;
    let taken = Config { port: server.address.port(), ..config() };
    let error = bind(&taken).await.unwrap_err();
    assert!(matches!(error, BindError::PortTaken { .. }), "{error}");
    let sentence = error.to_string();
    assert!(sentence.contains(&taken.port.to_string()) && sentence.contains("WEB_PORT"));

    let public = Config { bind: Ipv4Addr::UNSPECIFIED.into(), ..config() };
    let error = bind(&public).await.unwrap_err();
    assert!(matches!(error, BindError::NeedsLogin { .. }), "{error}");
    assert!(error.to_string().contains("WEB_BIND=0.0.0.0"), "{error}");

    server.shutdown.cancel();
    server.running.await.unwrap().unwrap();
}

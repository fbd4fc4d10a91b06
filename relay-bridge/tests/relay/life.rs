//! Start, stop, and more than one bridge.

use sysmaint_protocol::rest::{Bundle, Transport};
use sysmaint_relay_bridge::{Config, RunError, bind, run};
use tokio_util::sync::CancellationToken;

use crate::{
    person::Person,
    stage::{Stage, eventually, parts},
};

#[tokio::test]
async fn any_bridge_serves_any_device() {
    let first = Stage::new().await;
    let config = Config { port: 0, ..Config::default() };
    let listener = bind(&config).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let second =
        tokio::spawn(run(config, parts(listener, &first.bus, &first.authority), stop.clone()));

    let alice = Person::ready(&first, "alice").await;
    let asked = reqwest::Client::new().get(format!("{url}/v1/prekeys/alice"));
    let bundle: Bundle =
        asked.bearer_auth(&alice.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(bundle.identity.as_str(), "alice");
    stop.cancel();
    second.await.unwrap().unwrap();
    first.end().await;
}

#[tokio::test]
async fn a_device_beside_the_server_gets_its_consumer() {
    let stage = Stage::new().await;
    let alice = Person::new(&stage, "alice");
    assert_eq!(alice.register(&stage, Transport::Nats).await.status, 201);
    let report = stage.get("/diagnostics", None).await.json();
    let consumers = report["nats"]["streams"].as_array().unwrap().iter();
    let mail = consumers.filter(|stream| stream["name"].as_str().unwrap().starts_with("MAILBOX_"));
    assert_eq!(mail.map(|stream| stream["consumers"].as_u64().unwrap()).sum::<u64>(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_stopping_bridge_ends_its_listener() {
    let stage = Stage::new().await;
    let url = format!("{}/livez", stage.url);
    stage.shutdown.cancel();
    eventually("the listener to end", async || reqwest::get(&url).await.is_err()).await;
    stage.end().await;
}

#[tokio::test]
async fn two_numbers_of_mailbox_streams_are_refused() {
    let stage = Stage::new().await;
    let config = Config { port: 0, shards: 3, ..Config::default() };
    let listener = bind(&config).await.unwrap();
    let parts = parts(listener, &stage.bus, &stage.authority);
    let refused = Box::pin(run(config, parts, CancellationToken::new())).await;
    assert!(matches!(refused, Err(RunError::Shards { config: 3, bus: 8 })), "{refused:?}");
    stage.end().await;
}

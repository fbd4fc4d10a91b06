//! Who gets in, and what the roles are for; `matrix` has what each may and may not.

use std::time::Duration;

use sysmaint_bus::{
    Bus, BusConfig, Callout, ConnectError, Credentials, EffectiveDurability, Mailbox as _,
    NatsMailbox,
};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, credentials, eventually, mailbox, sealed};

#[tokio::test]
async fn an_operator_sees_everything_and_takes_nothing_out() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    NatsMailbox::new(site.bus("alice").await).publish(&sealed("bob", 1)).await.unwrap();
    let (client, denials) = site.client("operator").await;
    let bob = mailbox("bob");
    let by_subject = format!("{{\"next_by_subj\":\"{}\",\"seq\":1}}", bob.sealed());
    for (subject, payload) in [
        ("$JS.API.STREAM.NAMES".to_owned(), String::new()),
        (format!("$JS.API.STREAM.INFO.{}", bob.stream(8)), String::new()),
        (format!("$JS.API.CONSUMER.LIST.{}", bob.stream(8)), String::new()),
        (format!("$JS.API.CONSUMER.INFO.{}.{}", bob.stream(8), bob.consumer()), String::new()),
        (format!("$JS.API.DIRECT.GET.{}", bob.stream(8)), by_subject),
    ] {
        let answer = client.request(subject.clone(), payload.into()).await.unwrap();
        let text = String::from_utf8_lossy(&answer.payload).into_owned();
        assert!(answer.status.is_none() && !text.contains("\"error\""), "{subject}: {text}");
    }
    assert!(denials.all().is_empty(), "{:?}", denials.all());
    assert_eq!(relay.mailbox_depth(&bob).await.unwrap(), 1);
    site.server.stop().await;
}

#[tokio::test]
async fn the_system_user_reads_how_durable_the_server_is() {
    let (site, _relay) = Site::new().await;
    let system = site.bus("system").await;
    assert_eq!(system.durability().await.unwrap(), EffectiveDurability::Process);
    let servers = system.durability_by_server().await.unwrap();
    assert_eq!(servers, [("sysmaint".to_owned(), EffectiveDurability::Process)]);
    site.server.stop().await;
}

#[tokio::test]
async fn a_user_that_is_thrown_out_loses_its_connections_and_nobody_elses() {
    let (site, _relay) = Site::new().await;
    let _answers = site.let_in("carol", Callout::LIFE).await;
    let (carol, alice) = (site.bus("carol").await, site.bus("alice").await);
    let kick = site.bus("kick").await;
    let key = |user| credentials(site.directory.path(), user).login().unwrap().user;
    let ended = kick.end_connections(&key("carol")).await.unwrap();
    assert!(ended >= 1, "{ended}");
    assert!(kick.end_connections(&key("alice")).await.unwrap() >= 1);
    // Both may come back, and do: nobody took their logins.
    for bus in [carol, alice] {
        eventually("the connection", async || bus.is_connected().then_some(())).await;
    }
    assert!(kick.is_connected());
    site.server.stop().await;
}

#[tokio::test]
async fn strangers_are_refused_with_their_key_named() {
    let (site, _relay) = Site::new().await;
    let answers = site.let_in("carol", Callout::LIFE).await;
    let stranger = Credentials::generate().unwrap();
    for credentials in [None, Some(stranger.clone())] {
        let known = credentials.is_some();
        let config = BusConfig::new(&site.server.url(), credentials, "sysmaint-test");
        let connecting = Bus::connect(config, &CancellationToken::new()).await;
        let Err(error @ ConnectError::Unauthorized { .. }) = connecting else {
            panic!("{connecting:?}");
        };
        assert_eq!(error.to_string().contains(&stranger.public_key()), known);
    }
    answers.cancel();
    site.server.stop().await;
}

/// The server waits for an answer and then refuses; the services that it lists notice nothing.
#[tokio::test]
async fn while_no_relay_answers_nobody_new_gets_anything_and_the_others_work() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    for credentials in [None, Some(Credentials::generate().unwrap())] {
        let config = BusConfig::new(&site.server.url(), credentials, "sysmaint-test");
        match Bus::connect(config, &CancellationToken::new()).await {
            // The client takes the server's first sign of life for a welcome.
            Ok(bus) => {
                let outcome = NatsMailbox::new(bus).publish(&sealed("bob", 1)).await;
                assert!(outcome.is_err(), "{outcome:?}");
            }
            Err(ConnectError::Unauthorized { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    NatsMailbox::new(site.bus("alice").await).publish(&sealed("bob", 2)).await.unwrap();
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 1);
    site.server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_until_shutdown() {
    let config = BusConfig::new("nats://127.0.0.1:1", None, "sysmaint-test");
    let shutdown = CancellationToken::new();
    let connecting = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { Bus::connect(config, &shutdown).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!connecting.is_finished());
    shutdown.cancel();
    assert!(matches!(connecting.await.unwrap(), Err(ConnectError::Stopped)));

    let nonsense = BusConfig::new("http://127.0.0.1", None, "sysmaint-test");
    let outcome = Bus::connect(nonsense, &CancellationToken::new()).await;
    assert!(matches!(outcome, Err(ConnectError::Url(_))), "{outcome:?}");
}

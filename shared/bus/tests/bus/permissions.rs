//! Who may what, asked of the server itself.

use std::time::Duration;

use sysmaint_bus::{
    Bus, BusConfig, ConnectError, Credentials, EffectiveDurability, Mailbox as _, NatsMailbox,
};
use sysmaint_protocol::subject::PREKEYS;
use tokio_util::sync::CancellationToken;

use crate::site::{Site, mailbox, sealed};

/// Everything that a user could try on a stream, a consumer or a bucket.
fn administration() -> Vec<String> {
    let bob = mailbox("bob");
    let (stream, consumer) = (bob.stream(8), bob.consumer());
    vec![
        format!("$JS.API.STREAM.CREATE.{stream}"),
        format!("$JS.API.STREAM.UPDATE.{stream}"),
        format!("$JS.API.STREAM.DELETE.{stream}"),
        format!("$JS.API.STREAM.PURGE.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.STREAM.MSG.DELETE.{stream}"),
        format!("$JS.API.STREAM.SNAPSHOT.{stream}"),
        format!("$JS.API.DIRECT.GET.{PREKEYS}"),
        "$JS.API.DIRECT.GET.KV_TOKENS".to_owned(),
        format!("$JS.API.STREAM.MSG.GET.{PREKEYS}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.{consumer}.{}", bob.sealed()),
        format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.PAUSE.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.UNPIN.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
        format!("$JS.ACK.{stream}.{consumer}.1.1.1.1.0"),
        "$KV.IDENTITIES.bob".to_owned(),
        "otpk.bob.1.ec.1".to_owned(),
        "relay.v1.bob.certificate".to_owned(),
        "_INBOX.guess.1".to_owned(),
        "wake.1.bob.1".to_owned(),
        bob.session(),
    ]
}

async fn denied(site: &Site, user: &str, publish: &[String], subscribe: &[&str]) {
    let (client, denials) = site.client(user).await;
    let mut open = Vec::new();
    for subject in publish {
        client.publish(subject.clone(), "{}".into()).await.unwrap();
    }
    for subject in subscribe {
        open.push(client.subscribe((*subject).to_owned()).await.unwrap());
    }
    client.flush().await.unwrap();
    for subject in publish.iter().map(String::as_str).chain(subscribe.iter().copied()) {
        denials.expect(subject).await;
    }
}

#[tokio::test]
async fn a_service_reads_and_administers_nothing_but_its_own_mailbox() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("alice")).await.unwrap();
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let bob = mailbox("bob");
    let mut publish = administration();
    publish.push(format!("$JS.API.CONSUMER.INFO.{}.{}", bob.stream(8), bob.consumer()));
    publish.push(format!("$JS.API.STREAM.INFO.{}", bob.stream(8)));
    publish.push(format!("$JS.API.DIRECT.GET.{}", bob.stream(8)));
    publish.push(format!("$JS.API.DIRECT.GET.{}.{}", bob.stream(8), bob.sealed()));
    publish.push("$JS.API.STREAM.NAMES".to_owned());
    publish.push("$SRV.PING".to_owned());
    publish.push("$SYS.REQ.SERVER.PING.JSZ".to_owned());
    let (sealed, own) = (bob.sealed(), mailbox("alice").sealed());
    let session = mailbox("alice").session();
    let subscribe = [
        "sealed.>",
        &sealed,
        &own,
        "wake.>",
        "session.>",
        &session,
        "_INBOX.>",
        "relay.v1.>",
        "$JS.API.>",
        "$SRV.>",
        ">",
    ];
    denied(&site, "alice", &publish, &subscribe).await;
    site.server.stop().await;
}

#[tokio::test]
async fn a_tap_subscribes_to_its_two_mailboxes_and_nothing_else() {
    let (site, relay) = Site::new().await;
    let mut publish = administration();
    publish.push(mailbox("alice").sealed());
    publish.push("$JS.API.INFO".to_owned());
    let carol = mailbox("carol").sealed();
    let subscribe = ["sealed.>", &carol, "wake.>", "session.>", "_INBOX.>", "relay.v1.>"];
    denied(&site, "tap", &publish, &subscribe).await;
    assert_eq!(relay.mailbox_depth(&mailbox("alice")).await.unwrap(), 0);

    let (client, denials) = site.client("tap").await;
    let _both = (
        client.subscribe(mailbox("alice").sealed()).await.unwrap(),
        client.subscribe(mailbox("bob").sealed()).await.unwrap(),
    );
    client.subscribe("sealed.barrier.>").await.unwrap();
    denials.expect("sealed.barrier.>").await;
    assert_eq!(denials.all().len(), 1, "{:?}", denials.all());
    site.server.stop().await;
}

#[tokio::test]
async fn an_operator_sees_everything_and_changes_nothing() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let mut publish = administration();
    publish.push(mailbox("alice").sealed());
    denied(&site, "operator", &publish, &["_INBOX.>", "relay.v1.>", "session.>", "$JS.>"]).await;

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
    client.subscribe("sealed.>").await.unwrap();
    client.subscribe("wake.>").await.unwrap();
    client.subscribe("barrier").await.unwrap();
    denials.expect("barrier").await;
    assert_eq!(denials.all().len(), 1, "{:?}", denials.all());
    assert_eq!(relay.mailbox_depth(&bob).await.unwrap(), 1);
    site.server.stop().await;
}

#[tokio::test]
async fn the_relay_holds_no_right_to_delete_streams_or_consume_mail() {
    let (site, _relay) = Site::new().await;
    let bob = mailbox("bob");
    let publish = [
        format!("$JS.API.STREAM.DELETE.{}", bob.stream(8)),
        format!("$JS.API.STREAM.MSG.GET.{}", bob.stream(8)),
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", bob.stream(8), bob.consumer()),
    ];
    denied(&site, "relay", &publish, &["sealed.>", "_INBOX.>", ">"]).await;
    site.server.stop().await;
}

#[tokio::test]
async fn the_system_user_reads_how_durable_the_server_is() {
    let (site, _relay) = Site::new().await;
    let system = site.bus("system").await;
    assert_eq!(system.durability().await.unwrap(), EffectiveDurability::Process);
    let publish = ["$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.x.RELOAD", "sealed.1.bob.1"];
    denied(&site, "system", &publish.map(str::to_owned), &["$SYS.>", "sealed.>"]).await;
    site.server.stop().await;
}

#[tokio::test]
async fn strangers_are_refused_with_their_key_named() {
    let site = Site::bare().await;
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

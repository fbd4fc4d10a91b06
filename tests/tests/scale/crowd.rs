//! Memory for each socket and each mailbox, and how long a restart takes with all of them.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use sysmaint_protocol::rest::TrustRoot;
use sysmaint_tests::{Service, Web, eventually_within};

use crate::{
    client::{Client, Socket},
    mailboxes, megabytes, ready, relay_alone,
};

const MAILBOXES: usize = 100_000;
const EACH: usize = 3;
const SOCKETS: usize = 10_000;
/// Registrations and handshakes at once.
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; make test-heavy"]
async fn ten_thousand_sockets_and_a_hundred_thousand_mailboxes_are_held() {
    // What is measured is memory and restart; with power the filling takes most of an hour's worth
    // of fsyncs.
    let mut services = relay_alone("process");
    let relay = services.relay();
    ready(&relay).await;
    let wire = services.onlooker().await;
    let before = megabytes(services.process(Service::Nats));
    let filled = mailboxes::fill(&wire, MAILBOXES, EACH).await;
    let after = megabytes(services.process(Service::Nats));
    println!(
        "{MAILBOXES} mailboxes with {EACH} envelopes each, filled in {filled:.1?}: nats-server \
         {before:.0} -> {after:.0} MB"
    );
    drop(wire);

    let clients = register(&relay).await;
    let quiet = megabytes(services.process(Service::Relay));
    let started = Instant::now();
    let sockets = open(&clients).await;
    let opened = started.elapsed();
    let idle = megabytes(services.process(Service::Relay));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = (idle - quiet) * 1e3 / SOCKETS as f64;
    println!(
        "{SOCKETS} sockets opened and their mailboxes read and acknowledged in {opened:.1?}: \
         relay {quiet:.0} -> {idle:.0} MB, {each:.1} kB each"
    );
    let wire = services.onlooker().await;
    let expected = (MAILBOXES - SOCKETS) * EACH;
    assert_eq!(mailboxes::count(&wire).await, expected, "acknowledged is gone, the rest stays");
    drop(wire);

    restart_nats(&mut services, &relay).await;
    deliver_to_all(&services, &clients, sockets).await;
    restart_relay(&mut services, &relay, &clients).await;
}

async fn register(relay: &Web) -> Vec<Client> {
    let root: TrustRoot =
        serde_json::from_value(relay.get("/v1/certificate/root").await.unwrap()).unwrap();
    let started = Instant::now();
    let root = &root;
    let clients: Vec<_> = stream::iter(0..SOCKETS)
        .map(|number| async move { Client::register(relay, root, &mailboxes::name(number)).await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    println!("{SOCKETS} devices registered in {:.1?}", started.elapsed());
    clients
}

/// Opens a socket for each and empties its mailbox.
async fn open(clients: &[Client]) -> Vec<Socket> {
    stream::iter(clients)
        .map(|client| async move {
            let mut socket = client.open().await;
            socket.take(EACH).await;
            socket
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn restart_nats(services: &mut sysmaint_tests::Services, relay: &Web) {
    services.kill(Service::Nats);
    let gone = async || relay.get("/readyz").await.is_none().then_some(());
    eventually_within(Duration::from_secs(30), "a relay that has noticed", gone).await;
    let started = Instant::now();
    services.launch(Service::Nats);
    ready(relay).await;
    println!("nats-server killed and started again: ready after {:.1?}", started.elapsed());
}

/// Each socket that survived the server's restart gets one more message.
async fn deliver_to_all(
    services: &sysmaint_tests::Services,
    clients: &[Client],
    sockets: Vec<Socket>,
) {
    let wire = services.onlooker().await;
    let started = Instant::now();
    let publish = async {
        for client in clients {
            let mailbox = sysmaint_protocol::subject::Mailbox::new(
                client.handle.parse().unwrap(),
                sysmaint_protocol::DeviceId::FIRST,
            );
            wire.publish(&mailbox.sealed(), None, &[], &mailboxes::envelope()).await;
        }
    };
    let receive = stream::iter(sockets).for_each_concurrent(None, |mut socket| async move {
        socket.take(1).await;
    });
    let both = async { tokio::join!(publish, receive) };
    tokio::time::timeout(super::PATIENCE, both).await.unwrap();
    println!("one message to each of {SOCKETS} open sockets: {:.1?}", started.elapsed());
}

async fn restart_relay(services: &mut sysmaint_tests::Services, relay: &Web, clients: &[Client]) {
    services.kill(Service::Relay);
    let started = Instant::now();
    services.launch(Service::Relay);
    ready(relay).await;
    let serving = started.elapsed();
    let sockets: Vec<_> = stream::iter(clients)
        .map(|client| async move { client.open().await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let all = started.elapsed();
    println!(
        "relay killed and started again: ready after {serving:.1?}, all {} sockets open after \
         {all:.1?}",
        sockets.len()
    );
}

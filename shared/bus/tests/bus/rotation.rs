//! Another key for a service while everything runs.

use std::sync::atomic::Ordering;

use sysmaint_bus::{Bus, BusConfig, ConnectError, Mailbox as _, NatsMailbox, RunningServer};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, credentials, eventually, mailbox, sealed};

#[tokio::test]
async fn a_key_is_rotated_by_a_reload_and_nobody_else_notices() {
    let (site, relay) = Site::new().await;
    relay.ensure_mailbox(&mailbox("alice")).await.unwrap();
    relay.ensure_mailbox(&mailbox("bob")).await.unwrap();
    let directory = site.directory.path().to_owned();
    let answers = site.let_in("carol", sysmaint_bus::Callout::LIFE).await;
    let (alice, (bob, _)) = (site.bus("alice").await, site.client("bob").await);
    let mailbox_of_alice = NatsMailbox::new(alice);
    let mut deliveries = mailbox_of_alice.open(&mailbox("alice")).await.unwrap();
    let pid = site.server.pid();

    let old = credentials(&directory, "alice");
    let kept = directory.join("kept.nk");
    std::fs::copy(directory.join("alice.nk"), &kept).unwrap();
    let new = old.rotated().unwrap();
    let server = RunningServer::find(&directory).unwrap();
    assert_eq!((server.pid(), server.url()), (pid, site.server.url()));
    let text = std::fs::read_to_string(server.conf()).unwrap();
    assert_eq!(text.matches(&old.public_key()).count(), 1);
    std::fs::write(server.conf(), text.replace(&old.public_key(), &new.public_key())).unwrap();
    new.replace(&directory.join("alice.nk")).unwrap();
    server.reload().unwrap();

    // The running service goes on by itself, with its old inbox and its new key.
    eventually("the old key's end", async || {
        let kept = sysmaint_bus::Credentials::read(&kept).unwrap();
        let config = BusConfig::new(&site.server.url(), Some(kept), "sysmaint-test");
        let outcome = Bus::connect(config, &CancellationToken::new()).await;
        matches!(outcome, Err(ConnectError::Unauthorized { .. })).then_some(())
    })
    .await;
    for number in 0..20 {
        eventually("a publish by alice", async || {
            mailbox_of_alice.publish(&sealed("bob", number)).await.ok()
        })
        .await;
    }
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 20);
    NatsMailbox::new(site.bus("bob").await).publish(&sealed("alice", 1)).await.unwrap();
    let delivery = deliveries.next(1).await.unwrap().remove(0);
    eventually("the acknowledgement", async || delivery.acknowledgement.acknowledge().await.ok())
        .await;

    assert_eq!(site.server.pid(), pid, "nats-server was restarted");
    assert_eq!(bob.statistics().connects.load(Ordering::Relaxed), 1, "bob was disconnected");
    assert!(site.bus("carol").await.is_connected(), "the relay's word counts no more");
    answers.cancel();
    site.server.stop().await;
}

//! What bridges hear for their connections.

use std::time::Duration;

use sysmaint_bus::{Hint, Hints, Mailbox as _, NatsMailbox, SessionNotice};

use crate::site::{PATIENCE, Site, eventually, mailbox, sealed};

async fn next(hints: &mut Hints) -> Hint {
    tokio::time::timeout(PATIENCE, hints.next()).await.unwrap().unwrap()
}

/// The next that is about something. That something may have been missed can be said at any time:
/// a new connection says it too.
async fn next_heard(hints: &mut Hints) -> Hint {
    loop {
        let hint = next(hints).await;
        if hint != Hint::Missed {
            return hint;
        }
    }
}

/// Whatever comes before it is passed over.
async fn until_missed(hints: &mut Hints) {
    while next(hints).await != Hint::Missed {}
}

#[tokio::test]
async fn every_bridge_hears_what_arrives_and_what_another_says() {
    let (site, relay) = Site::new().await;
    let other = site.bus("relay").await;
    let (mut here, mut there) = (relay.hints().await.unwrap(), other.hints().await.unwrap());
    // Each question is answered after the subscriptions that were sent before it.
    let bob = relay.stored_mailbox(&mailbox("bob"));
    assert_eq!(other.mailbox_depth(&mailbox("bob")).await.unwrap(), 0);
    assert_eq!(bob.depth().await.unwrap(), 0);

    NatsMailbox::new(site.bus("alice").await).publish(&sealed("bob", 1)).await.unwrap();
    let sequence = bob.read(1, 1).await.unwrap()[0].sequence;
    for hints in [&mut here, &mut there] {
        assert_eq!(next_heard(hints).await, Hint::Arrived { mailbox: mailbox("bob"), sequence });
    }
    let notice = SessionNotice::Opened { bridge: 1, session: 2 };
    relay.notify(&mailbox("bob"), notice).await.unwrap();
    for hints in [&mut here, &mut there] {
        assert_eq!(next_heard(hints).await, Hint::Notice { device: mailbox("bob"), notice });
    }
    site.server.stop().await;
}

#[tokio::test]
async fn an_outage_is_told_and_listening_goes_on() {
    let (site, relay) = Site::new().await;
    let mut hints = relay.hints().await.unwrap();
    site.server.restart();
    until_missed(&mut hints).await;
    let notice = SessionNotice::Revoked { token: 3 };
    let heard = Hint::Notice { device: mailbox("bob"), notice };
    let other = site.bus("relay").await;
    eventually("a notice after the outage", async || {
        other.notify(&mailbox("bob"), notice).await.unwrap();
        let next = tokio::time::timeout(Duration::from_millis(200), hints.next()).await;
        next.is_ok_and(|hint| hint.as_ref() == Some(&heard)).then_some(())
    })
    .await;
    site.server.stop().await;
}

//! Publishing, and reading without a consumer.

use futures_util::{StreamExt as _, stream};
use sysmaint_bus::{Mailbox as _, NatsMailbox, PublishError, StreamTable};
use sysmaint_protocol::limits;
use tokio_util::sync::CancellationToken;

use crate::site::{Site, envelope, mailbox, sealed};

#[tokio::test]
async fn streams_are_created_once_and_updated_where_they_differ() {
    let (site, relay) = Site::new().await;
    let table = StreamTable::single_server();
    relay.ensure_streams(&table).await.unwrap();
    let before = relay.diagnostics().await.unwrap();
    // Mailboxes, prekeys, anchors, and the six buckets of the registry.
    assert_eq!(before.streams.len(), 8 + 1 + 1 + 6);
    assert!(before.connected && before.round_trip_ms > 0.0);

    let smaller = StreamTable { max_file_bytes: Some(100_000_000), ..table };
    relay.ensure_streams(&smaller).await.unwrap();
    let after = relay.diagnostics().await.unwrap();
    assert_eq!(after.streams[0].max_bytes, Some(100_000_000 / 1000 * 900 / 8));
    assert_ne!(before.streams[0].max_bytes, after.streams[0].max_bytes);

    let fewer = StreamTable { shards: 4, ..smaller };
    assert!(relay.ensure_streams(&fewer).await.is_err());
    site.server.stop().await;
}

#[tokio::test]
async fn the_short_alias_lands_in_the_same_mailbox() {
    let (site, relay) = Site::new().await;
    let (client, denials) = site.client("alice").await;
    for (number, name) in ["alice", "bob", "sysmaint", "diagprobe-web1", "0_x"].iter().enumerate() {
        let short = format!("sealed.{name}.1");
        let bytes = envelope(u32::try_from(number).unwrap());
        client.request(short, bytes.clone().into()).await.unwrap();
        let found = relay.stored_mailbox(&mailbox(name)).read(1, 10).await.unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].bytes, bytes);
    }
    assert!(denials.all().is_empty());
    site.server.stop().await;
}

#[tokio::test]
async fn one_id_is_stored_once() {
    let (site, relay) = Site::new().await;
    let alice = NatsMailbox::new(site.bus("alice").await);
    for _ in 0..3 {
        alice.publish(&sealed("bob", 1)).await.unwrap();
    }
    alice.publish(&sealed("bob", 2)).await.unwrap();
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 2);
    site.server.stop().await;
}

#[tokio::test]
async fn a_full_mailbox_says_so_and_the_next_one_has_room() {
    let (site, relay) = Site::new().await;
    let alice = NatsMailbox::new(site.bus("alice").await);
    let fits = u32::try_from(limits::MAILBOX_MESSAGES).unwrap();
    let stored = stream::iter(0..fits)
        .map(|number| {
            let alice = alice.clone();
            async move { alice.publish(&sealed("bob", number)).await }
        })
        .buffer_unordered(64)
        .filter(|outcome| std::future::ready(outcome.is_ok()))
        .count()
        .await;
    assert_eq!(stored, 1000);
    let one_more = alice.publish(&sealed("bob", fits)).await;
    assert!(matches!(one_more, Err(PublishError::MailboxFull)), "{one_more:?}");
    alice.publish(&sealed("carol", fits + 1)).await.unwrap();
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 1000);
    site.server.stop().await;
}

#[tokio::test]
async fn before_the_streams_are_there_nothing_is_confirmed() {
    let site = Site::bare().await;
    let alice = NatsMailbox::new(site.bus("alice").await);
    let outcome = alice.publish(&sealed("bob", 1)).await;
    assert!(matches!(outcome, Err(PublishError::Unconfirmed(_))), "{outcome:?}");
    site.server.stop().await;
}

#[tokio::test]
async fn who_may_not_publish_is_told_so() {
    let (site, _relay) = Site::new().await;
    let operator = NatsMailbox::new(site.bus("operator").await);
    let outcome = operator.publish(&sealed("bob", 1)).await;
    assert!(matches!(outcome, Err(PublishError::Refused(_))), "{outcome:?}");
    site.server.stop().await;
}

#[tokio::test]
async fn a_mailbox_without_a_consumer_is_read_in_order_and_emptied() {
    let (site, relay) = Site::new().await;
    let alice = NatsMailbox::new(site.bus("alice").await);
    let carol = relay.stored_mailbox(&mailbox("carol"));
    assert_eq!(carol.read(1, 10).await.unwrap(), []);
    assert_eq!(carol.depth().await.unwrap(), 0);

    for number in 0..5 {
        alice.publish(&sealed("carol", number)).await.unwrap();
        alice.publish(&sealed("dave", 100 + number)).await.unwrap();
    }
    let found = carol.read(1, 3).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[2].bytes, envelope(2));
    assert_eq!(found[1].transfer_id, Some(sealed("carol", 1).transfer_id()));
    let rest = carol.read(found[2].sequence + 1, 10).await.unwrap();
    assert_eq!(rest.len(), 2);

    carol.remove(rest[0].sequence).await.unwrap();
    carol.remove(rest[0].sequence).await.unwrap();
    carol.remove_through(found[2].sequence).await.unwrap();
    let left = carol.read(1, 10).await.unwrap();
    assert_eq!(left.iter().map(|one| one.bytes.clone()).collect::<Vec<_>>(), [envelope(4)]);
    assert_eq!(relay.mailbox_depth(&mailbox("dave")).await.unwrap(), 5);
    site.server.stop().await;
}

#[tokio::test]
async fn the_tap_sees_what_passes_and_takes_nothing() {
    let (site, relay) = Site::new().await;
    let shutdown = CancellationToken::new();
    let tap = site.bus("tap").await;
    let tap = tap.tap(&[mailbox("alice"), mailbox("bob")], shutdown.clone()).await.unwrap();
    let mut seen = tap.watch();
    // A subscription is not confirmed; the first envelopes show when it holds.
    let alice = NatsMailbox::new(site.bus("alice").await);
    let mut number = 0;
    let first = crate::site::eventually("the tap", async || {
        number += 1;
        alice.publish(&sealed("bob", number)).await.unwrap();
        seen.try_recv().ok()
    })
    .await;
    assert_eq!(first.subject, mailbox("bob").sealed());
    assert!(first.headers.iter().any(|(name, _)| name == "Nats-Msg-Id"));
    let depth = relay.mailbox_depth(&mailbox("bob")).await.unwrap();
    assert_eq!(depth, u64::from(number));
    site.server.stop().await;
}

#[tokio::test]
async fn more_copies_than_servers_are_refused_in_words_and_change_nothing() {
    let (site, relay) = Site::new().await;
    let three = StreamTable { replicas: 3, ..StreamTable::single_server() };
    let refused = relay.ensure_streams(&three).await.unwrap_err().to_string();
    assert!(refused.contains("NATS_REPLICAS is 3") && refused.contains("at least 3"), "{refused}");
    let streams = relay.diagnostics().await.unwrap().streams;
    assert!(streams.iter().all(|stream| stream.replicas == 1));
    site.server.stop().await;
}

//! Who may what: one table, asked of the server itself for every user and every subject.
//!
//! `carol` is a device that the relay lets in; the other users are in the configuration. Who is
//! in neither gets no connection at all, which `permissions` checks.

use std::{collections::BTreeSet, fmt::Write as _};

use sysmaint_bus::Callout;
use sysmaint_protocol::subject::Mailbox;

use crate::site::{PATIENCE, Site, credentials, mailbox};

const USERS: [&str; 9] =
    ["relay", "alice", "bob", "carol", "tap", "operator", "system", "callout", "kick"];
/// In the relay's account it stands for dave's mailbox, and is denied by that name.
const ALIAS: &str = "sealed.dave.1";
/// The client drops what the server says when it says too much at once.
const AT_ONCE: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Publish,
    Subscribe,
}

use Verb::{Publish, Subscribe};

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Publish => "Publish",
            Subscribe => "Subscription",
        }
    }
}

struct Row {
    verb: Verb,
    subject: String,
    allowed: BTreeSet<&'static str>,
}

fn row(verb: Verb, subject: impl Into<String>, allowed: &'static str) -> Row {
    Row { verb, subject: subject.into(), allowed: allowed.split_whitespace().collect() }
}

/// JetStream's API for bob's stream and consumer. Nobody deletes a stream, takes mail out by
/// sequence through the leader, or makes a consumer without naming what it filters.
fn administration(bob: &Mailbox) -> Vec<Row> {
    let (stream, consumer) = (bob.stream(8), bob.consumer());
    let api = |what: String, allowed| row(Publish, format!("$JS.API.{what}"), allowed);
    vec![
        api("INFO".into(), "relay operator"),
        api("ACCOUNT.PURGE.RELAY".into(), ""),
        api("STREAM.NAMES".into(), "operator"),
        api("STREAM.LIST".into(), "operator"),
        api(format!("STREAM.INFO.{stream}"), "relay operator"),
        api(format!("STREAM.CREATE.{stream}"), "relay"),
        api(format!("STREAM.UPDATE.{stream}"), "relay"),
        api(format!("STREAM.PURGE.{stream}"), "relay"),
        api(format!("STREAM.DELETE.{stream}"), ""),
        api(format!("STREAM.SNAPSHOT.{stream}"), ""),
        api(format!("STREAM.RESTORE.{stream}"), ""),
        api(format!("STREAM.LEADER.STEPDOWN.{stream}"), ""),
        api(format!("STREAM.PEER.REMOVE.{stream}"), ""),
        api(format!("STREAM.MSG.DELETE.{stream}"), "relay"),
        api(format!("STREAM.MSG.GET.{stream}"), ""),
        api("STREAM.MSG.GET.PREKEYS".into(), ""),
        api(format!("DIRECT.GET.{stream}"), "relay operator"),
        api(format!("DIRECT.GET.{stream}.{}", bob.sealed()), "relay"),
        api("DIRECT.GET.PREKEYS".into(), "relay"),
        api("DIRECT.GET.KV_TOKENS".into(), "relay"),
        api("DIRECT.GET.KV_USERS".into(), "relay"),
        api(format!("CONSUMER.NAMES.{stream}"), "operator"),
        api(format!("CONSUMER.LIST.{stream}"), "operator"),
        api(format!("CONSUMER.INFO.{stream}.{consumer}"), "relay operator bob"),
        api(format!("CONSUMER.CREATE.{stream}"), ""),
        api(format!("CONSUMER.CREATE.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.CREATE.{stream}.{consumer}.{}", bob.sealed()), "relay"),
        api(format!("CONSUMER.DURABLE.CREATE.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.DELETE.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.PAUSE.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.UNPIN.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.RESET.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.LEADER.STEPDOWN.{stream}.{consumer}"), ""),
        api(format!("CONSUMER.MSG.NEXT.{stream}.{consumer}"), "bob"),
        row(Publish, format!("$JS.ACK.{stream}.{consumer}.1.1.1.1.0"), "bob"),
        row(Publish, format!("$JS.ACK.hub.acc.{stream}.{consumer}.1.1.1.1.0"), "bob"),
        row(Publish, format!("$JS.FC.{stream}.{consumer}.x"), ""),
    ]
}

/// Mail, the directory, and what the relay keeps for itself.
fn everyday(bob: &Mailbox) -> Vec<Row> {
    let carol = mailbox("carol");
    vec![
        row(Publish, bob.sealed(), "relay alice bob carol"),
        row(Publish, ALIAS, "relay alice bob carol"),
        row(Publish, bob.wake(), ""),
        row(Publish, bob.session(), "relay"),
        row(Publish, "audit.bob", "relay"),
        row(Publish, "otpk.bob.1.ec.1", "relay"),
        row(Publish, "$KV.IDENTITIES.bob", "relay"),
        row(Publish, "$KV.USERS.user.x", "relay"),
        row(Publish, "relay.v1.bob.certificate", "bob"),
        row(Publish, "relay.v1.carol.bundle.bob", "carol"),
        row(Publish, "relay.v1.alice.bundle.bob", "alice"),
        row(Publish, "relayadmin.v1.revoke", "relay"),
        row(Publish, "relayadmin.v1.list", "relay"),
        row(Publish, "_INBOX.guess.1", "relay"),
        row(Publish, "{other}.1", "relay"),
        row(Publish, "elsewhere", ""),
        row(Subscribe, "sealed.>", "operator"),
        row(Subscribe, bob.sealed(), "tap operator"),
        row(Subscribe, mailbox("alice").sealed(), "tap operator"),
        row(Subscribe, carol.sealed(), "operator"),
        row(Subscribe, "wake.>", "operator"),
        row(Subscribe, bob.wake(), "relay operator"),
        row(Subscribe, carol.wake(), "relay operator"),
        row(Subscribe, bob.session(), "relay"),
        row(Subscribe, "session.>", ""),
        row(Subscribe, "audit.>", ""),
        row(Subscribe, "otpk.>", ""),
        row(Subscribe, "$KV.>", ""),
        row(Subscribe, "relay.v1.>", "relay"),
        row(Subscribe, "relay.v1.bob.certificate", "relay"),
        row(Subscribe, "relayadmin.v1.*", "relay"),
        // To the server `>` is one more word that the `*` of a permission stands for.
        row(Subscribe, "relayadmin.v1.>", "relay"),
        row(Subscribe, "_INBOX.>", ""),
        row(Subscribe, "_INBOX.*.1", ""),
        row(Subscribe, "{inbox}.1", "relay alice bob carol operator system callout kick"),
        row(Subscribe, "{other}.1", ""),
        row(Subscribe, ">", ""),
    ]
}

/// The server itself.
fn server() -> Vec<Row> {
    vec![
        row(Publish, "$SRV.PING", "operator"),
        row(Publish, "$SRV.STATS.relay-directory", "operator"),
        row(Publish, "$SYS.REQ.USER.AUTH", ""),
        row(Publish, "$SYS.REQ.USER.INFO", ""),
        row(Publish, "$SYS._INBOX.guess", "callout"),
        row(Publish, "$SYS.REQ.SERVER.PING", ""),
        row(Publish, "$SYS.REQ.SERVER.PING.JSZ", "system"),
        row(Publish, "$SYS.REQ.SERVER.PING.HEALTHZ", "system"),
        row(Publish, "$SYS.REQ.SERVER.PING.CONNZ", "kick"),
        row(Publish, "$SYS.REQ.SERVER.PING.SUBSZ", ""),
        row(Publish, "$SYS.REQ.SERVER.x.KICK", "kick"),
        row(Publish, "$SYS.REQ.SERVER.x.LDM", ""),
        row(Publish, "$SYS.REQ.SERVER.x.RELOAD", ""),
        row(Publish, "$SYS.REQ.ACCOUNT.PING.CONNZ", ""),
        row(Publish, "$SYS.REQ.ACCOUNT.RELAY.CONNZ", ""),
        row(Publish, "$SYS.REQ.CLAIMS.UPDATE", ""),
        row(Subscribe, "$SYS.REQ.USER.AUTH", "callout"),
        row(Subscribe, "$SYS.REQ.>", ""),
        row(Subscribe, "$SYS.ACCOUNT.>", ""),
        row(Subscribe, "$SYS.>", ""),
        row(Subscribe, "$SRV.>", "relay"),
        row(Subscribe, "$JS.API.>", ""),
        row(Subscribe, "$JS.EVENT.>", ""),
        row(Subscribe, "$JS.>", ""),
    ]
}

/// Which rows the server denied a user.
async fn denied(site: &Site, user: &str, rows: &[Row]) -> Vec<bool> {
    let prefix = |user| credentials(site.directory.path(), user).inbox_prefix();
    let other = if user == "alice" { "bob" } else { "alice" };
    let subjects: Vec<_> = rows
        .iter()
        .map(|row| row.subject.replace("{inbox}", &prefix(user)).replace("{other}", &prefix(other)))
        .collect();
    let (client, denials) = site.client(user).await;
    let mut open = Vec::new();
    for (number, part) in (0..rows.len()).collect::<Vec<_>>().chunks(AT_ONCE).enumerate() {
        for index in part {
            let subject = subjects[*index].clone();
            match rows[*index].verb {
                Publish => client.publish(subject, "{}".into()).await.unwrap(),
                Subscribe => open.push(client.subscribe(subject).await.unwrap()),
            }
        }
        // The server answers in order, and this one it denies everybody.
        let barrier = format!("barrier.{number}");
        open.push(client.subscribe(barrier.clone()).await.unwrap());
        client.flush().await.unwrap();
        denials.expect(&barrier).await;
    }
    rows.iter()
        .zip(&subjects)
        .map(|(row, subject)| {
            let by_alias =
                *subject == ALIAS && denials.have(row.verb.word(), &mailbox("dave").sealed());
            by_alias || denials.have(row.verb.word(), subject)
        })
        .collect()
}

#[tokio::test]
async fn everybody_may_exactly_what_the_table_says() {
    let (site, relay) = Site::new().await;
    let bob = mailbox("bob");
    for handle in ["alice", "bob", "carol"] {
        relay.ensure_mailbox(&mailbox(handle)).await.unwrap();
    }
    let answers = site.let_in("carol", Callout::LIFE).await;
    let mut rows = administration(&bob);
    rows.extend(everyday(&bob));
    rows.extend(server());
    let mut found = Vec::new();
    for user in USERS {
        found.push(denied(&site, user, &rows).await);
    }
    let mut matrix = format!("{:9} {:58}", "", "");
    for user in USERS {
        write!(matrix, "{user:>9}").unwrap();
    }
    let mut wrong = 0;
    for (index, Row { verb, subject, allowed }) in rows.iter().enumerate() {
        write!(matrix, "\n{:9} {subject:58}", format!("{verb:?}")).unwrap();
        for (user, denied) in USERS.iter().zip(&found) {
            let may = !denied[index];
            let as_wanted = may == allowed.contains(user);
            wrong += usize::from(!as_wanted);
            let cell =
                format!("{}{}", if may { "yes" } else { "-" }, if as_wanted { "" } else { " !" });
            write!(matrix, "{cell:>9}").unwrap();
        }
    }
    assert_eq!(wrong, 0, "cells with ! are not as the table says\n{matrix}");
    println!("{} cells over {} subjects\n{matrix}", rows.len() * USERS.len(), rows.len());
    // What the relay, alice, bob and carol may is stored; what others tried is not.
    tokio::time::timeout(PATIENCE, async {
        assert_eq!(relay.mailbox_depth(&mailbox("alice")).await.unwrap(), 0);
    })
    .await
    .unwrap();
    answers.cancel();
    site.server.stop().await;
}

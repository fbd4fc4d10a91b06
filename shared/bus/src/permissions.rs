//! Who may what on NATS. Whatever is not listed is denied.

use sysmaint_protocol::subject::{
    ADMINISTRATION, AUDIT, AUDIT_ALL, BUCKETS, DIRECTORY, Mailbox, SESSIONS_ALL, WAKES_ALL,
    mailbox_stream,
};

/// Where the server asks about users that it does not know.
pub(crate) const AUTHORIZE: &str = "$SYS.REQ.USER.AUTH";

/// What a user of the server is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A relay-bridge: the only one that creates streams and consumers and reads by sequence.
    Relay,
    /// A service beside the server with these devices: publishes to anybody, reads its own.
    Service(Vec<Mailbox>),
    /// The demo's view of the wire: sees these mailboxes' envelopes pass, nothing else.
    Tap(Vec<Mailbox>),
    /// A person with the nats CLI: sees ciphertext and the state of the streams, changes nothing.
    Operator,
    /// Reads the server's own state, in the system account.
    System,
    /// The relay's user that answers who else may log in, in an account where nothing else is.
    Callout,
    /// The relay's user that ends connections of revoked devices, in the system account.
    Kick,
}

/// The parts of a server that do not see each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Relay,
    Callout,
    System,
}

/// Subjects that one user may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// To publish on. Empty means nothing.
    pub publish: Vec<String>,
    /// To subscribe to. Empty means nothing.
    pub subscribe: Vec<String>,
}

impl Role {
    /// What it needs, with this inbox prefix and this many mailbox streams.
    pub fn permissions(&self, inbox_prefix: &str, shards: u32) -> Permissions {
        let (publish, mut subscribe) = match self {
            Self::Relay => relay(),
            Self::Service(own) => (service(own), Vec::new()),
            Self::Tap(mailboxes) => (Vec::new(), mailboxes.iter().map(Mailbox::sealed).collect()),
            Self::Operator => operator(shards),
            Self::System => (system(), Vec::new()),
            // The server's own inboxes, where it waits for this answer.
            Self::Callout => (vec!["$SYS._INBOX.>".to_owned()], vec![AUTHORIZE.to_owned()]),
            Self::Kick => (kick(), Vec::new()),
        };
        // Who asks nothing needs no place for answers.
        if !publish.is_empty() {
            subscribe.push(format!("{inbox_prefix}.>"));
        }
        Permissions { publish, subscribe }
    }

    /// Where its user belongs.
    pub(crate) const fn account(&self) -> Account {
        match self {
            Self::Relay | Self::Service(_) | Self::Tap(_) | Self::Operator => Account::Relay,
            Self::Callout => Account::Callout,
            Self::System | Self::Kick => Account::System,
        }
    }
}

fn relay() -> (Vec<String>, Vec<String>) {
    let publish = [
        // Envelopes that came over HTTP, prekeys, the registry, anchors of the audit.
        "sealed.*.*.*",
        "otpk.*.*.*.*",
        "$KV.*.>",
        // What bridges tell each other about connections.
        SESSIONS_ALL,
        AUDIT_ALL,
        // Answers to directory requests; the relay itself answers to inboxes only.
        "_INBOX.>",
        "$JS.API.INFO",
        "$JS.API.STREAM.CREATE.*",
        "$JS.API.STREAM.UPDATE.*",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.STREAM.PURGE.*",
        "$JS.API.STREAM.MSG.DELETE.*",
        "$JS.API.DIRECT.GET.*",
        "$JS.API.DIRECT.GET.*.>",
        "$JS.API.CONSUMER.CREATE.*.*.>",
        "$JS.API.CONSUMER.INFO.*.*",
        // What the operator asks with the relay's key,
        &format!("{ADMINISTRATION}.*"),
        // Listening for changes of the registry: a consumer without a name, and its flow control.
        "$JS.API.CONSUMER.CREATE.KV_TOKENS",
        "$JS.API.CONSUMER.CREATE.KV_IDENTITIES",
        "$JS.API.CONSUMER.DELETE.KV_TOKENS.*",
        "$JS.API.CONSUMER.DELETE.KV_IDENTITIES.*",
        "$JS.FC.KV_TOKENS.>",
        "$JS.FC.KV_IDENTITIES.>",
    ];
    let subscribe = [
        WAKES_ALL,
        SESSIONS_ALL,
        &format!("{DIRECTORY}.>"),
        // and a relay answers.
        &format!("{ADMINISTRATION}.*"),
        "$SRV.>",
    ];
    (publish.map(str::to_owned).into(), subscribe.map(str::to_owned).into())
}

/// No consumer may be created, nothing read by sequence, no stream asked about: those name a
/// mailbox in the request, where the broker cannot check it.
fn service(own: &[Mailbox]) -> Vec<String> {
    let mut publish = vec!["sealed.*.*.*".to_owned()];
    for mailbox in own {
        let consumer = mailbox.consumer();
        publish.push(format!("$JS.API.CONSUMER.INFO.*.{consumer}"));
        publish.push(format!("$JS.API.CONSUMER.MSG.NEXT.*.{consumer}"));
        // Acknowledgements as servers name them today, and with domain and account in front.
        publish.push(format!("$JS.ACK.*.{consumer}.>"));
        publish.push(format!("$JS.ACK.*.*.*.{consumer}.>"));
    }
    let mut handles: Vec<_> = own.iter().map(|mailbox| &mailbox.handle).collect();
    handles.dedup();
    publish.extend(handles.into_iter().map(|handle| format!("{DIRECTORY}.{handle}.>")));
    publish
}

fn operator(shards: u32) -> (Vec<String>, Vec<String>) {
    let mut publish: Vec<_> = [
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.CONSUMER.NAMES.*",
        "$JS.API.CONSUMER.LIST.*",
        "$JS.API.CONSUMER.INFO.*.*",
        "$SRV.PING",
        "$SRV.PING.>",
        "$SRV.INFO",
        "$SRV.INFO.>",
        "$SRV.STATS",
        "$SRV.STATS.>",
    ]
    .map(str::to_owned)
    .into();
    // Ciphertext that waits in a mailbox; reading it takes nothing out.
    publish.extend(
        (0..shards.clamp(1, BUCKETS))
            .map(|shard| format!("$JS.API.DIRECT.GET.{}", mailbox_stream(shard))),
    );
    publish.push(format!("$JS.API.DIRECT.GET.{AUDIT}"));
    (publish, vec!["sealed.>".to_owned(), "wake.>".to_owned()])
}

fn system() -> Vec<String> {
    ["JSZ", "VARZ", "STATSZ", "HEALTHZ"]
        .map(|report| format!("$SYS.REQ.SERVER.PING.{report}"))
        .into()
}

/// Who is connected, and ending one connection; nothing that stops or changes a server.
fn kick() -> Vec<String> {
    vec!["$SYS.REQ.SERVER.PING.CONNZ".to_owned(), "$SYS.REQ.SERVER.*.KICK".to_owned()]
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::DeviceId;

    use super::*;

    fn mailbox(handle: &str) -> Mailbox {
        Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
    }

    #[test]
    fn a_tap_asks_nothing() {
        let permissions = Role::Tap(vec![mailbox("alice")]).permissions("_INBOX.x", 8);
        assert!(permissions.publish.is_empty());
        assert_eq!(permissions.subscribe, [mailbox("alice").sealed()]);
    }

    #[test]
    fn a_service_is_given_its_own_names_only() {
        let role = Role::Service(vec![mailbox("alice"), mailbox("bob")]);
        let permissions = role.permissions("_INBOX.x", 8);
        assert_eq!(permissions.subscribe, ["_INBOX.x.>"]);
        for subject in &permissions.publish {
            let own = ["alice", "bob"].iter().any(|name| subject.contains(name));
            assert!(own || subject == "sealed.*.*.*", "{subject}");
        }
    }

    #[test]
    fn nobody_but_the_relay_changes_streams_or_consumers() {
        let service = Role::Service(vec![mailbox("alice")]);
        for role in [service, Role::Operator, Role::System, Role::Callout, Role::Kick] {
            for subject in role.permissions("_INBOX.x", 8).publish {
                for verb in
                    ["CREATE", "UPDATE", "DELETE", "PURGE", "$KV", "otpk", "RESTORE", "session"]
                {
                    assert!(!subject.contains(verb), "{role:?}: {subject}");
                }
            }
        }
    }
}

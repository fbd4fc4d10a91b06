//! Who may what on NATS. Whatever is not listed is denied.

use sysmaint_protocol::subject::{BUCKETS, DIRECTORY, Mailbox, mailbox_stream};

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
        };
        // Who asks nothing needs no place for answers.
        if !publish.is_empty() {
            subscribe.push(format!("{inbox_prefix}.>"));
        }
        Permissions { publish, subscribe }
    }

    /// Whether its user belongs to the system account.
    pub const fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}

fn relay() -> (Vec<String>, Vec<String>) {
    let publish = [
        // Envelopes that came over HTTP, prekeys, the registry.
        "sealed.*.*.*",
        "otpk.*.*.*.*",
        "$KV.*.>",
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
        // Listening for changes of the registry: a consumer without a name, and its flow control.
        "$JS.API.CONSUMER.CREATE.*",
        "$JS.API.CONSUMER.DELETE.*.*",
        "$JS.FC.>",
    ];
    let subscribe = ["wake.*.*.*", &format!("{DIRECTORY}.>"), "$SRV.>"].map(str::to_owned);
    (publish.map(str::to_owned).into(), subscribe.into())
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
    (publish, vec!["sealed.>".to_owned(), "wake.>".to_owned()])
}

fn system() -> Vec<String> {
    ["JSZ", "VARZ", "STATSZ", "HEALTHZ"]
        .map(|report| format!("$SYS.REQ.SERVER.PING.{report}"))
        .into()
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
        for role in [Role::Service(vec![mailbox("alice")]), Role::Operator, Role::System] {
            for subject in role.permissions("_INBOX.x", 8).publish {
                for verb in ["CREATE", "UPDATE", "DELETE", "PURGE", "$KV", "otpk", "RESTORE"] {
                    assert!(!subject.contains(verb), "{role:?}: {subject}");
                }
            }
        }
    }
}

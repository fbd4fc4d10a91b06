//! One table of all streams. Nothing else says how anything is kept.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Republish, RetentionPolicy, StorageType,
};
use sysmaint_protocol::{limits, subject};

/// Identities, by handle.
pub(crate) const IDENTITIES: &str = "IDENTITIES";
/// Prekeys that are served more than once, by device.
pub(crate) const STANDING: &str = "BUNDLES";
/// Devices, by the hash of their token.
pub(crate) const TOKENS: &str = "TOKENS";
/// Logins that NATS asks the relay about, by public nkey, and their inboxes.
pub(crate) const LOGINS: &str = "USERS";
/// Registration challenges, by nonce.
pub(crate) const CHALLENGES: &str = "CHALLENGES";
/// One-time codes, by their hash.
pub(crate) const CODES: &str = "CODES";

/// Parts of a thousand of the file limit. What is left is slack for the server's own files.
const MAILBOXES_SHARE: u64 = 900;
const PREKEYS_SHARE: u64 = 50;
const BUCKET_SHARE: u64 = 7;
const AUDIT_SHARE: u64 = 3;

/// Headers are counted with the message.
const HEADERS: usize = 4096;
/// Stops a sender's second copy; the sender retries far sooner than this.
const MAILBOX_DEDUP: Duration = Duration::from_mins(5);
/// A prekey upload that is retried must not bring back a key that was popped in between.
const PREKEYS_DEDUP: Duration = Duration::from_hours(1);
/// From the last use on; longer than any code lives.
const CODES_AGE: Duration = limits::MAILBOX_AGE.saturating_add(Duration::from_hours(24));
/// A bridge that repeats an anchor, since no answer came, adds nothing.
const AUDIT_DEDUP: Duration = Duration::from_hours(1);
/// One a device beside the server. WorkQueue acknowledgements cost time by their number, so a
/// stream that comes near this wants more shards.
const MAILBOX_CONSUMERS: i32 = 2000;
/// Without a limit of their own streams get the server's default of 1000; nothing of ours
/// consumes these, but an operator may look at them.
const OTHER_CONSUMERS: i32 = 32;

/// How the streams are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTable {
    /// Mailbox streams; fixed once they hold mail.
    pub shards: u32,
    /// Copies of each stream: 1 on one server, 3 in a cluster.
    pub replicas: usize,
    /// What all streams may fill together; `None` takes the account's limit.
    pub max_file_bytes: Option<u64>,
}

impl StreamTable {
    /// For one server.
    pub const fn single_server() -> Self {
        Self { shards: crate::BusConfig::SHARDS, replicas: 1, max_file_bytes: None }
    }

    /// The names of all streams.
    pub(crate) fn names(shards: u32) -> impl Iterator<Item = String> {
        let buckets = [IDENTITIES, STANDING, TOKENS, LOGINS, CHALLENGES, CODES];
        (0..shards)
            .map(subject::mailbox_stream)
            .chain([subject::PREKEYS.to_owned(), subject::AUDIT.to_owned()])
            .chain(buckets.into_iter().map(|bucket| format!("KV_{bucket}")))
    }

    pub(crate) fn configs(&self) -> Vec<Config> {
        let mut configs: Vec<_> =
            (0..self.shards.max(1)).map(|shard| self.mailbox(shard)).collect();
        configs.push(self.prekeys());
        configs.push(self.anchors());
        configs.push(self.bucket(IDENTITIES, "identities and their devices", 200 * 1024, false));
        configs.push(self.bucket(STANDING, "signed and last-resort prekeys", 16 * 1024, false));
        configs.push(self.bucket(TOKENS, "hashes of device tokens", 1024, true));
        configs.push(self.bucket(LOGINS, "logins of devices, and their inboxes", 1024, true));
        configs.push(self.bucket(CHALLENGES, "registration challenges", 1024, true));
        let codes = self.bucket(CODES, "hashes of one-time codes", 16 * 1024, false);
        configs.push(Config { max_age: CODES_AGE, ..codes });
        configs
    }

    fn mailbox(&self, shard: u32) -> Config {
        let shards = self.shards.max(1);
        Config {
            name: subject::mailbox_stream(shard),
            description: Some(format!("sealed envelopes, stream {} of {shards}", shard + 1)),
            metadata: metadata(&[
                ("shard", &shard.to_string()),
                ("shards", &shards.to_string()),
                ("buckets", &subject::BUCKETS.to_string()),
            ]),
            subjects: subject::mailbox_stream_subjects(shard, shards),
            retention: RetentionPolicy::WorkQueue,
            max_messages_per_subject: limits::MAILBOX_MESSAGES,
            max_message_size: message_size(limits::ENVELOPE_MAX),
            max_bytes: self.share(MAILBOXES_SHARE, u64::from(shards)),
            max_age: limits::MAILBOX_AGE,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            duplicate_window: MAILBOX_DEDUP,
            max_consumers: MAILBOX_CONSUMERS,
            allow_message_ttl: true,
            // With rollup a sender could wipe a mailbox, with schedules reach other subjects.
            allow_rollup: false,
            allow_message_schedules: false,
            republish: Some(Republish {
                source: "sealed.*.*.*".to_owned(),
                destination: "wake.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}".to_owned(),
                headers_only: true,
            }),
            ..self.any()
        }
    }

    fn prekeys(&self) -> Config {
        Config {
            name: subject::PREKEYS.to_owned(),
            description: Some("one-time prekeys, one a subject".to_owned()),
            metadata: metadata(&[]),
            subjects: vec![subject::PREKEYS_ALL.to_owned()],
            max_messages_per_subject: 1,
            max_message_size: message_size(4096),
            max_bytes: self.share(PREKEYS_SHARE, 1),
            discard: DiscardPolicy::New,
            // A key that is there is never replaced.
            discard_new_per_subject: true,
            duplicate_window: PREKEYS_DEDUP,
            max_consumers: OTHER_CONSUMERS,
            ..self.any()
        }
    }

    /// What is here stays: nothing is deleted or purged, and nothing ages. A full stream refuses
    /// new anchors, so that nobody pushes old ones out.
    fn anchors(&self) -> Config {
        Config {
            name: subject::AUDIT.to_owned(),
            description: Some("anchors of the bridges' audits".to_owned()),
            metadata: metadata(&[]),
            subjects: vec![subject::AUDIT_ALL.to_owned()],
            max_message_size: message_size(1024),
            max_bytes: self.share(AUDIT_SHARE, 1),
            discard: DiscardPolicy::New,
            duplicate_window: AUDIT_DEDUP,
            max_consumers: OTHER_CONSUMERS,
            deny_delete: true,
            deny_purge: true,
            ..self.any()
        }
    }

    /// A key-value bucket, laid out as every NATS client expects one.
    fn bucket(&self, name: &str, what: &str, value: usize, expires: bool) -> Config {
        Config {
            name: format!("KV_{name}"),
            description: Some(what.to_owned()),
            metadata: metadata(&[]),
            subjects: vec![format!("$KV.{name}.>")],
            max_messages_per_subject: 1,
            max_message_size: message_size(value),
            max_bytes: self.share(BUCKET_SHARE, 1),
            discard: DiscardPolicy::New,
            duplicate_window: Duration::from_mins(2),
            max_consumers: OTHER_CONSUMERS,
            allow_rollup: true,
            deny_delete: true,
            allow_message_ttl: expires,
            ..self.any()
        }
    }

    fn any(&self) -> Config {
        Config {
            storage: StorageType::File,
            num_replicas: self.replicas.max(1),
            max_messages: -1,
            allow_direct: true,
            ..Config::default()
        }
    }

    /// What one of `streams` streams may fill; every replica counts against the limit.
    fn share(&self, of_thousand: u64, streams: u64) -> i64 {
        let Some(limit) = self.max_file_bytes else { return -1 };
        let replicas = u64::try_from(self.replicas.max(1)).unwrap_or(1);
        let share = limit / 1000 * of_thousand / streams / replicas;
        i64::try_from(share).unwrap_or(i64::MAX)
    }
}

fn metadata(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let common = [("app", "sysmaint"), ("schema", "1")];
    common
        .iter()
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn message_size(payload: usize) -> i32 {
    i32::try_from(payload + HEADERS).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_fit_the_limit() {
        for replicas in [1, 3] {
            let limit = 1_000_000_000;
            let table = StreamTable {
                replicas,
                max_file_bytes: Some(limit),
                ..StreamTable::single_server()
            };
            let factor = i64::try_from(replicas).unwrap();
            let reserved: i64 =
                table.configs().iter().map(|config| config.max_bytes * factor).sum();
            let limit = i64::try_from(limit).unwrap();
            assert!(reserved <= limit && reserved > limit * 9 / 10, "{reserved}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_configurations() {
        let table = StreamTable::single_server();
        let names: Vec<_> = table.configs().into_iter().map(|config| config.name).collect();
        assert_eq!(names, StreamTable::names(table.shards).collect::<Vec<_>>());
    }
}

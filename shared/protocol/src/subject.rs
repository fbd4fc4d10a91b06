//! Where things travel on NATS. No subject is put together anywhere else.
//!
//! | subject | what |
//! | --- | --- |
//! | `sealed.<bucket>.<handle>.<device>` | envelopes for one device, kept by a `MAILBOX_<k>` stream |
//! | `wake.<bucket>.<handle>.<device>` | the headers of the same, at once and never kept |
//! | `otpk.<handle>.<device>.<kind>.<key id>` | one one-time prekey, in the stream `PREKEYS` |
//! | `session.<handle>.<device>` | among bridges: a newer WebSocket, or the end of a device's token |
//! | `audit.<bridge>` | a bridge's anchors of its audit, in the stream `AUDIT` |
//! | `relay.v1.<requester>.<operation>[.<target>]` | a directory request |
//! | `relayadmin.v1.<decision>` | what the operator asks of the relay, with the relay's own key |

use std::{fmt, str::FromStr};

use crate::{DeviceId, Handle, audit::BridgeId};

/// Buckets that mailboxes are spread over; fixed for ever, since a change would move every one.
pub const BUCKETS: u32 = 64;

/// The stream that keeps one-time prekeys.
pub const PREKEYS: &str = "PREKEYS";

/// All one-time prekeys.
pub const PREKEYS_ALL: &str = "otpk.*.*.*.*";

/// The stream that keeps the anchors of bridges' audits.
pub const AUDIT: &str = "AUDIT";

/// All anchors.
pub const AUDIT_ALL: &str = "audit.*";

/// First tokens of every directory request.
pub const DIRECTORY: &str = "relay.v1";

/// First tokens of what the relay's operator asks. Not below [`DIRECTORY`], where devices ask.
pub const ADMINISTRATION: &str = "relayadmin.v1";

/// First token of what bridges tell each other about connections.
pub const SESSIONS: &str = "session";

/// All of that.
pub const SESSIONS_ALL: &str = "session.*.*";

/// Every hint that something arrived.
pub const WAKES_ALL: &str = "wake.*.*.*";

/// A device as subjects name it: by handle, where libsignal goes by service id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    /// Whose.
    pub handle: Handle,
    /// Which device.
    pub device_id: DeviceId,
}

impl Mailbox {
    /// The mailbox of a device.
    pub const fn new(handle: Handle, device_id: DeviceId) -> Self {
        Self { handle, device_id }
    }

    /// Where envelopes for it are published.
    pub fn sealed(&self) -> String {
        format!("sealed.{}", self.tokens())
    }

    /// Where the broker says that something arrived.
    pub fn wake(&self) -> String {
        format!("wake.{}", self.tokens())
    }

    /// Where bridges tell each other whose connection is the newest.
    pub fn session(&self) -> String {
        format!("{SESSIONS}.{self}")
    }

    /// The mailbox that a subject of [`Self::wake`] names.
    pub fn of_wake(subject: &str) -> Option<Self> {
        let (number, device) = subject.strip_prefix("wake.")?.split_once('.')?;
        let mailbox: Self = device.parse().ok()?;
        (number == bucket(&mailbox.handle).to_string()).then_some(mailbox)
    }

    /// The mailbox that a subject of [`Self::session`] names.
    pub fn of_session(subject: &str) -> Option<Self> {
        subject.strip_prefix(SESSIONS)?.strip_prefix('.')?.parse().ok()
    }

    /// The name of its durable consumer. A device number has no underscore, so the last one
    /// splits it unambiguously.
    pub fn consumer(&self) -> String {
        format!("{}_{}", self.handle, self.device_id)
    }

    /// The stream that keeps it, of `shards` mailbox streams.
    pub fn stream(&self, shards: u32) -> String {
        mailbox_stream(bucket(&self.handle) % shards.max(1))
    }

    fn tokens(&self) -> String {
        format!("{}.{}.{}", bucket(&self.handle), self.handle, self.device_id)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.handle, self.device_id)
    }
}

/// The text does not name a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device is named by its handle, a dot and its number from 1 to 127, such as alice.1")]
pub struct InvalidMailbox;

impl FromStr for Mailbox {
    type Err = InvalidMailbox;

    /// Reads what its `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, InvalidMailbox> {
        let (handle, number) = text.split_once('.').ok_or(InvalidMailbox)?;
        let device_id: u8 = number.parse().map_err(|_| InvalidMailbox)?;
        let device_id = DeviceId::try_from(device_id).map_err(|_| InvalidMailbox)?;
        // A sign or a leading zero would give one device two names.
        if number != device_id.to_string() {
            return Err(InvalidMailbox);
        }
        Ok(Self::new(handle.parse().map_err(|_| InvalidMailbox)?, device_id))
    }
}

/// The bucket of an identity: FNV-1a, 32 bits, modulo 64. The same as the server's own
/// `partition(64,1)`, so that its mapping of `sealed.<handle>.<device>` lands where we publish.
pub fn bucket(handle: &Handle) -> u32 {
    let hash = handle
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % BUCKETS
}

/// The name of mailbox stream number `shard`.
pub fn mailbox_stream(shard: u32) -> String {
    format!("MAILBOX_{shard}")
}

/// The subjects that mailbox stream number `shard` of `shards` keeps.
pub fn mailbox_stream_subjects(shard: u32, shards: u32) -> Vec<String> {
    (0..BUCKETS)
        .filter(|bucket| bucket % shards.max(1) == shard)
        .map(|bucket| format!("sealed.{bucket}.*.*"))
        .collect()
}

/// The two kinds of one-time prekeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneTimeKind {
    /// X25519.
    Ec,
    /// Kyber1024.
    Kyber,
}

impl OneTimeKind {
    const fn token(self) -> &'static str {
        match self {
            Self::Ec => "ec",
            Self::Kyber => "kyber",
        }
    }
}

/// Where one one-time prekey is kept.
pub fn one_time_prekey(owner: &Mailbox, kind: OneTimeKind, key_id: u32) -> String {
    format!("otpk.{owner}.{}.{key_id}", kind.token())
}

/// All one-time prekeys of a kind of one device.
pub fn one_time_prekeys(owner: &Mailbox, kind: OneTimeKind) -> String {
    format!("otpk.{owner}.{}.*", kind.token())
}

/// Where a bridge's anchors are kept.
pub fn audit(bridge: &BridgeId) -> String {
    format!("audit.{bridge}")
}

/// What a directory can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// For a nonce to sign.
    Challenge,
    /// To bind a handle and a device to a key.
    Register,
    /// To take prekeys.
    Prekeys,
    /// How many one-time prekeys are left.
    PrekeyCount,
    /// For a sender certificate.
    Certificate,
    /// For another identity's bundle; carries the target.
    Bundle,
    /// Who belongs to an identity; carries the target.
    Devices,
    /// To let a further device register.
    Admit,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 8] = [
        Self::Challenge,
        Self::Register,
        Self::Prekeys,
        Self::PrekeyCount,
        Self::Certificate,
        Self::Bundle,
        Self::Devices,
        Self::Admit,
    ];

    /// Its token.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Register => "register",
            Self::Prekeys => "prekeys",
            Self::PrekeyCount => "prekeycount",
            Self::Certificate => "certificate",
            Self::Bundle => "bundle",
            Self::Devices => "devices",
            Self::Admit => "admit",
        }
    }

    /// Whether it is about another identity.
    pub const fn has_target(self) -> bool {
        matches!(self, Self::Bundle | Self::Devices)
    }

    /// The subject of a request by `requester`, about `target` where the operation has one.
    pub fn subject(self, requester: &Handle, target: Option<&Handle>) -> String {
        let base = format!("{DIRECTORY}.{requester}.{}", self.token());
        target.map_or(base.clone(), |target| format!("{base}.{target}"))
    }
}

/// A directory request's subject, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySubject {
    /// Who asks; the broker has checked that they may use this name.
    pub requester: Handle,
    /// What they ask.
    pub operation: Operation,
    /// About whom.
    pub target: Option<Handle>,
}

impl DirectorySubject {
    /// Reads `relay.v1.<requester>.<operation>[.<target>]`.
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.strip_prefix(DIRECTORY)?.strip_prefix('.')?.split('.');
        let requester = tokens.next()?.parse().ok()?;
        let token = tokens.next()?;
        let operation = Operation::ALL.into_iter().find(|operation| operation.token() == token)?;
        let target = match tokens.next() {
            Some(token) => Some(token.parse().ok()?),
            None => None,
        };
        let complete = tokens.next().is_none();
        let wants_target = operation.has_target();
        (complete && target.is_some() == wants_target).then_some(Self {
            requester,
            operation,
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(handle: &str) -> Mailbox {
        Mailbox::new(handle.parse().unwrap(), DeviceId::FIRST)
    }

    #[test]
    fn a_bucket_is_fnv_1a_modulo_64() {
        // The published test vector: FNV-1a-32 of "a" is 0xe40c292c.
        assert_eq!(bucket(&"a".parse().unwrap()), 0xe40c_292c % 64);
    }

    #[test]
    fn every_bucket_belongs_to_one_stream() {
        for shards in [1, 3, 8, 64] {
            let mut subjects: Vec<_> =
                (0..shards).flat_map(|shard| mailbox_stream_subjects(shard, shards)).collect();
            subjects.sort();
            subjects.dedup();
            assert_eq!(subjects.len(), 64);
        }
        let alice = mailbox("alice");
        let shard = bucket(&alice.handle) % 8;
        assert_eq!(alice.stream(8), format!("MAILBOX_{shard}"));
    }

    #[test]
    fn a_mailbox_comes_back_from_the_subjects_that_name_it() {
        let second = Mailbox::new("web-1".parse().unwrap(), DeviceId::try_from(27_u8).unwrap());
        for mailbox in [mailbox("alice"), second] {
            assert_eq!(mailbox.to_string().parse(), Ok(mailbox.clone()));
            assert_eq!(Mailbox::of_wake(&mailbox.wake()).as_ref(), Some(&mailbox));
            assert_eq!(Mailbox::of_session(&mailbox.session()).as_ref(), Some(&mailbox));
        }
        for wrong in
            ["", "alice", "alice.", "alice.0", "alice.128", "alice.01", "alice.+1", "a.1.2"]
        {
            assert_eq!(wrong.parse::<Mailbox>(), Err(InvalidMailbox), "{wrong}");
            assert_eq!(Mailbox::of_session(&format!("session.{wrong}")), None, "{wrong}");
        }
        assert_eq!(Mailbox::of_wake("wake.1.alice.1"), None, "another bucket");
        assert_eq!(Mailbox::of_session("sessions.alice.1"), None);
    }

    #[test]
    fn a_directory_subject_comes_back() {
        let alice: Handle = "alice".parse().unwrap();
        let subject = Operation::Bundle.subject(&alice, Some(&"bob".parse().unwrap()));
        assert_eq!(subject, "relay.v1.alice.bundle.bob");
        let parsed = DirectorySubject::parse(&subject).unwrap();
        assert_eq!(parsed.operation, Operation::Bundle);
        assert_eq!(parsed.target.unwrap().as_str(), "bob");
        for wrong in [
            "relay.v1.alice.bundle",
            "relay.v1.alice.register.bob",
            "relay.v1.alice.nothing",
            "relay.v1.ALICE.register",
            "relay.v1.alice.bundle.bob.1",
            "relay.v2.alice.register",
            "svc.v1.alice.register",
        ] {
            assert_eq!(DirectorySubject::parse(wrong), None, "{wrong}");
        }
    }
}

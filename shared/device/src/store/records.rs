//! What a device's store holds.

use std::fmt;

use sysmaint_protocol::{
    Address, ContentId, DeviceId, Handle, Kind, ServiceId, Timestamp, TransferId,
};
use zeroize::Zeroizing;

use crate::{Mechanics, Sealed, key::IdentityKey};

/// The device itself.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalDevice {
    /// Its handle.
    pub handle: Handle,
    /// Its address.
    pub address: Address,
    /// libsignal's registration id.
    pub registration_id: u32,
    /// libsignal's serialized identity key pair.
    pub identity_key_pair: Zeroizing<Vec<u8>>,
    /// The pinned root of sender certificates, 33 bytes.
    pub trust_root: Vec<u8>,
    /// The sender certificate, once registered.
    pub certificate: Option<Vec<u8>>,
    /// When that certificate ends.
    pub certificate_expires_at: Timestamp,
    /// The bearer token for a relay, if one was given.
    pub token: Option<Zeroizing<String>>,
    /// The next prekey id of any class; 24 bits, never 0, never going back.
    pub next_prekey_id: u32,
    /// The registration id that the directory knows, 0 while that was not noted.
    pub registered_as: u32,
    /// When a new registration id was last taken; see [`crate::Device::is_renewed`].
    pub renewed_at: Timestamp,
    /// Which CPU code wrote the session records; see [`crate::backend`].
    pub backend: String,
}

impl fmt::Debug for LocalDevice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handle, address, identity_key_pair: _, token: _, .. } = self;
        formatter
            .debug_struct("LocalDevice")
            .field("handle", handle)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

/// What is known of a peer device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The pinned identity key.
    pub identity_key: IdentityKey,
    /// What we think of it.
    pub trust: Trust,
    /// A different key that was seen since, waiting for a decision.
    pub candidate: Option<IdentityKey>,
    /// Its registration id, 0 while unknown.
    pub registration_id: u32,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// How a peer's identity key stands, the least trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Another key was seen: nothing is sent, what arrives is held.
    Changed,
    /// As first seen, under the pinned root.
    Pinned,
    /// Compared by people.
    Verified,
}

/// What a handle is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The identity.
    pub service_id: ServiceId,
    /// Its devices.
    pub devices: Vec<DeviceId>,
    /// Another identity that claims the handle.
    pub candidate: Option<Candidate>,
}

impl Contact {
    /// The other identity, where the directory has said that it has the handle now.
    pub(crate) fn successor(&self) -> Option<Candidate> {
        self.candidate.filter(|candidate| candidate.confirmed)
    }
}

/// Another identity than the pinned one, that claims a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its device.
    pub address: Address,
    /// Whether the directory has it under this handle.
    pub confirmed: bool,
}

/// The classes of prekeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrekeyClass {
    /// One-time X25519.
    Ec,
    /// One-time Kyber1024.
    Kyber,
    /// Last-resort Kyber1024.
    LastResort,
    /// Signed X25519.
    Signed,
}

/// One own prekey.
#[derive(Clone, PartialEq, Eq)]
pub struct PrekeyRecord {
    /// Its id.
    pub id: u32,
    /// libsignal's serialized record, private part included.
    pub record: Zeroizing<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the directory has it.
    pub uploaded: bool,
    /// Since when nobody is given it any more: another one took its place, or it was handed out.
    pub retired_at: Option<Timestamp>,
}

impl fmt::Debug for PrekeyRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, record: _, created_at: _, uploaded, retired_at: _ } = self;
        formatter
            .debug_struct("PrekeyRecord")
            .field("id", id)
            .field("uploaded", uploaded)
            .finish_non_exhaustive()
    }
}

/// An envelope for the outbox, with what the send log keeps of its content.
#[derive(Clone, Debug)]
pub struct NewOutbox<'a> {
    /// The envelope.
    pub sealed: &'a Sealed,
    /// How it used its session; a store need not keep it.
    pub mechanics: Option<Mechanics>,
    /// For whom.
    pub recipient: Address,
    /// What is said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// Its sequence.
    pub sequence: u64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// The body, for resending; absent where the sender can refill it, or nobody asks for it.
    pub body: Option<&'a [u8]>,
}

/// An opened message for the inbox.
#[derive(Clone, Debug)]
pub struct NewInbox<'a> {
    /// Who sealed it.
    pub sender: Address,
    /// The handle that it claims; not to be believed before the directory confirms it.
    pub sender_handle: &'a Handle,
    /// What is said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// Its sequence.
    pub sequence: u64,
    /// The sender's clock.
    pub sent_at: Timestamp,
    /// The broker's clock.
    pub stored_at: Timestamp,
    /// The body.
    pub body: &'a [u8],
}

/// A peer to whom receipts are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptDue {
    /// To whom.
    pub peer: Address,
}

/// An envelope that waits for a decision on its sender's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who claims to have sealed it, with a valid certificate for another key.
    pub sender: Address,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// The bytes' id.
    pub transfer_id: Option<TransferId>,
    /// When the broker stored it.
    pub stored_at: Timestamp,
}

/// Something that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who sealed it, where that much could be told.
    pub sender: Option<Address>,
    /// The bytes' id.
    pub transfer_id: Option<TransferId>,
    /// Why.
    pub reason: DeadReason,
    /// When the broker stored it.
    pub stored_at: Timestamp,
}

/// Why something could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadReason {
    /// The header inside names other devices than the seal.
    Address,
    /// The sender certificate does not chain to the pinned root.
    Certificate,
    /// The sender certificate had ended when the broker stored it: its sender could not reach the
    /// relay for a week.
    CertificateExpired,
    /// The message was sealed with another key than the sender certificate's.
    CertificateOfAnother,
    /// libsignal panicked; the transaction was rolled back.
    Crash,
    /// The header or its padding is malformed, or of an unknown kind.
    Content,
    /// The guard refused it.
    Guard,
    /// No session opens it.
    NoSession,
    /// It is not an envelope.
    NotAnEnvelope,
    /// Its sender's key was turned down.
    Rejected,
    /// A last-resort prekey was used twice with the same base key.
    Replay,
    /// Its sender's device was revoked.
    Revoked,
    /// Its key had opened something else before: the sender's store was put back.
    ReusedKey,
    /// The seal is not for this device.
    Seal,
    /// More of its sender is held already than may be.
    TooMany,
    /// A prekey that it needs is gone.
    UnknownPrekey,
    /// The ciphertext is not authentic.
    Undecryptable,
}

impl DeadReason {
    /// Reasons that a resend on a fresh session may cure.
    const CURABLE: [Self; 6] = [
        Self::CertificateExpired,
        Self::Guard,
        Self::NoSession,
        Self::ReusedKey,
        Self::UnknownPrekey,
        Self::Undecryptable,
    ];

    /// The curable reason of this name.
    pub fn curable(name: &str) -> Option<Self> {
        Self::CURABLE.into_iter().find(|reason| reason.name() == name)
    }

    /// A stable name, for metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Certificate => "certificate",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateOfAnother => "certificate_of_another",
            Self::Crash => "crash",
            Self::Content => "content",
            Self::Guard => "guard",
            Self::NoSession => "no_session",
            Self::NotAnEnvelope => "not_an_envelope",
            Self::Rejected => "rejected",
            Self::Replay => "replay",
            Self::Revoked => "revoked",
            Self::ReusedKey => "reused_key",
            Self::Seal => "seal",
            Self::TooMany => "too_many",
            Self::UnknownPrekey => "unknown_prekey",
            Self::Undecryptable => "undecryptable",
        }
    }
}

//! Where a device keeps itself: one transaction at a time.
//!
//! Every method runs inside a transaction that the caller opened and will commit or roll back.
//! A device never remembers anything that the store might forget: what a transaction loses, the
//! device has never known. [`Memory`] is the reference; SQLite is in `sysmaint-store`; a browser
//! can load into memory, step, and write the [`Difference`]. The rules that the methods state are
//! tests in `sysmaint-store-rules`, which every store passes.

mod memory;
mod records;
mod repair;

pub use memory::{Difference, Memory};
pub use records::{
    Candidate, Contact, DeadLetter, DeadReason, Held, LocalDevice, NewInbox, NewOutbox, Peer,
    PrekeyClass, PrekeyRecord, ReceiptDue, Trust,
};
pub use repair::{NewRetry, RepairStore, RetryDue, SentMessage};

use sysmaint_protocol::{
    Address, ContentId, DeviceId, Handle, ServiceId, Timestamp, subject::Mailbox,
};

use crate::key::IdentityKey;

/// The store failed; the transaction must be rolled back.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Everything a device needs.
pub trait Store: LocalStore + PeerStore + PrekeyStore + QueueStore + RepairStore {
    /// As the part that the guard needs.
    fn peers(&self) -> &dyn PeerStore;
}

impl<S: LocalStore + PeerStore + PrekeyStore + QueueStore + RepairStore> Store for S {
    fn peers(&self) -> &dyn PeerStore {
        self
    }
}

/// The device itself.
pub trait LocalStore {
    /// The device, once it was made.
    fn local(&self) -> Result<Option<LocalDevice>, StoreError>;
    /// Replaces it.
    fn put_local(&mut self, local: &LocalDevice) -> Result<(), StoreError>;
}

/// Everybody else.
pub trait PeerStore {
    /// libsignal's session record.
    fn session(&self, peer: Address) -> Result<Option<Vec<u8>>, StoreError>;
    /// Replaces it.
    fn put_session(&mut self, peer: Address, record: &[u8]) -> Result<(), StoreError>;
    /// Removes it, with whatever it had archived: it is with a key that is not theirs any more.
    fn drop_session(&mut self, peer: Address) -> Result<(), StoreError>;
    /// Turns a key of a device down for ever.
    fn reject_key(&mut self, peer: Address, key: &IdentityKey) -> Result<(), StoreError>;
    /// Whether it was turned down.
    fn is_rejected(&self, peer: Address, key: &IdentityKey) -> Result<bool, StoreError>;
    /// Rewrites every session record; drops those for which there is no rewriting.
    fn retire_sessions(
        &mut self,
        rewrite: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError>;
    /// What is known of a peer device.
    fn peer(&self, peer: Address) -> Result<Option<Peer>, StoreError>;
    /// Replaces it, but for when it was first seen.
    fn put_peer(&mut self, address: Address, peer: &Peer) -> Result<(), StoreError>;
    /// Every known device under a service id, by number.
    fn peers_of(&self, service_id: ServiceId) -> Result<Vec<(DeviceId, Peer)>, StoreError>;
    /// What a handle is bound to, as first seen.
    fn contact(&self, handle: &Handle) -> Result<Option<Contact>, StoreError>;
    /// Replaces it.
    fn put_contact(&mut self, handle: &Handle, contact: &Contact) -> Result<(), StoreError>;
    /// Everybody who was met.
    fn contacts(&self) -> Result<Vec<(Handle, Contact)>, StoreError>;
    /// The handle that is bound to a service id.
    fn handle_of(&self, service_id: ServiceId) -> Result<Option<Handle>, StoreError>;
    /// Counts the next message to a peer, from 1; fails for one that was never put.
    fn next_sequence(&mut self, peer: Address) -> Result<u64, StoreError>;
    /// What the latest message to a peer was counted as; 0 before the first.
    fn last_sequence(&self, peer: Address) -> Result<u64, StoreError>;
    /// Notes the sequence of a message from a peer.
    fn note_received(&mut self, peer: Address, sequence: u64) -> Result<(), StoreError>;
    /// Notes that a message from a peer arrived and could not be opened, whatever its sequence is.
    fn note_unopened(&mut self, peer: Address) -> Result<(), StoreError>;
}

/// One's own prekeys, private parts included.
pub trait PrekeyStore {
    /// One prekey.
    fn prekey(&self, class: PrekeyClass, id: u32) -> Result<Option<PrekeyRecord>, StoreError>;
    /// All prekeys of a class, oldest first.
    fn prekeys(&self, class: PrekeyClass) -> Result<Vec<PrekeyRecord>, StoreError>;
    /// Adds or replaces one.
    fn put_prekey(&mut self, class: PrekeyClass, prekey: &PrekeyRecord) -> Result<(), StoreError>;
    /// Removes one, and for a last-resort Kyber prekey what it was used with.
    fn remove_prekey(&mut self, class: PrekeyClass, id: u32) -> Result<(), StoreError>;
    /// Marks every prekey as known to the directory.
    fn mark_prekeys_uploaded(&mut self) -> Result<(), StoreError>;
    /// Notes that a last-resort Kyber prekey was used with a signed prekey and a base key; false
    /// if it was before, which is a replay.
    fn note_last_resort(
        &mut self,
        kyber_id: u32,
        signed_id: u32,
        base_key: &[u8],
    ) -> Result<bool, StoreError>;
}

/// What goes out, what came in, and what is owed for it.
pub trait QueueStore {
    /// Queues an envelope for publishing.
    fn queue(&mut self, entry: &NewOutbox<'_>) -> Result<(), StoreError>;
    /// Puts a message into the inbox; false if its content was there already.
    fn deliver(&mut self, entry: &NewInbox<'_>) -> Result<bool, StoreError>;
    /// Owes a receipt.
    fn owe_receipt(
        &mut self,
        peer: Address,
        content_id: ContentId,
        due_at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Peers to whom a receipt is due: something due by `now`, or `batch` of them owed, or one due
    /// later than any ever is, since the clock was put back.
    fn receipts_due(&self, now: Timestamp, batch: usize) -> Result<Vec<ReceiptDue>, StoreError>;
    /// Takes up to `limit` owed receipts for a peer, oldest first.
    fn take_receipts(&mut self, peer: Address, limit: usize) -> Result<Vec<ContentId>, StoreError>;
    /// Notes what a peer confirms to have stored, and the telemetry window it grants. What went to
    /// somebody else is none of its business; telemetry is forgotten, and what is ephemeral and
    /// was sealed before is past.
    fn note_delivered(
        &mut self,
        peer: Address,
        content_ids: &[ContentId],
        telemetry_window: u32,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// How many peers have sent telemetry lately, for sharing the mailbox among them.
    fn telemetry_senders(&self) -> Result<u32, StoreError>;
    /// Keeps an envelope until its sender's changed identity is accepted or rejected; false if
    /// [`HELD_MESSAGES`](sysmaint_protocol::limits::HELD_MESSAGES) or
    /// [`HELD_BYTES`](sysmaint_protocol::limits::HELD_BYTES) of its sender are held already.
    fn hold(&mut self, held: &Held) -> Result<bool, StoreError>;
    /// Takes what is held of a sender, oldest first.
    fn take_held(&mut self, sender: Address) -> Result<Vec<Held>, StoreError>;
    /// Of whom something is held.
    fn held_senders(&self) -> Result<Vec<Address>, StoreError>;
    /// Gives up what is queued for a device that is gone: nothing of it is published any more, and
    /// what else was sealed of the same contents stands for it.
    fn withdraw(&mut self, to: &Mailbox, peer: Address) -> Result<(), StoreError>;
    /// Has what is queued for a device published under its new registration id.
    fn readdress(&mut self, to: &Mailbox, registration_id: u32) -> Result<(), StoreError>;
    /// Records what cannot be opened. A store keeps at least the
    /// [`DEAD_LETTERS`](sysmaint_protocol::limits::DEAD_LETTERS) latest, and need not keep more.
    fn bury(&mut self, letter: &DeadLetter) -> Result<(), StoreError>;
}

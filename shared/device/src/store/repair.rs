//! What a store remembers of messages that could not be opened, on either side.

use sysmaint_protocol::{Address, ContentId, Kind, Timestamp, TransferId};

use super::{DeadReason, StoreError};
use crate::Sealed;

/// A message that could not be opened and may be asked for.
#[derive(Clone, Debug)]
pub struct NewRetry<'a> {
    /// Who sealed it.
    pub peer: Address,
    /// Its ciphertext; [`TransferId::repair_key`] is what the request names.
    pub transfer_id: TransferId,
    /// Why it could not be opened.
    pub reason: DeadReason,
    /// libsignal's request.
    pub request: &'a [u8],
    /// When the broker stored it.
    pub stored_at: Timestamp,
}

/// A request whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryDue {
    /// To whom.
    pub peer: Address,
    /// Which ciphertext.
    pub transfer_id: TransferId,
    /// Why it could not be opened.
    pub reason: DeadReason,
    /// libsignal's request.
    pub request: Vec<u8>,
    /// When the broker stored what could not be opened.
    pub stored_at: Timestamp,
    /// How often it was asked for before.
    pub asked: u32,
}

/// What the send log has of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// What was said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// What it answers.
    pub in_reply_to: Option<ContentId>,
    /// The body; absent where the sender refills it.
    pub body: Option<Vec<u8>>,
    /// When it was last sealed to this recipient.
    pub sealed_at: Timestamp,
    /// How often it was sealed to this recipient.
    pub copies: u32,
    /// Whether the recipient has confirmed it.
    pub delivered: bool,
}

/// Requests to resend: made, awaited, received and answered.
pub trait RepairStore {
    /// Whether an envelope with this digest is among the latest that were settled.
    fn was_settled(&self, digest: u64) -> Result<bool, StoreError>;
    /// Remembers one. A store keeps at least the 2000 latest.
    fn note_settled(&mut self, digest: u64) -> Result<(), StoreError>;

    /// Keeps something to be asked for from now on, unless it is kept already; false if there is
    /// no room for more of its sender.
    fn owe_retry(&mut self, retry: &NewRetry<'_>, now: Timestamp) -> Result<bool, StoreError>;
    /// What may be asked for now, oldest first, within each peer's hourly budget.
    fn retries_due(&self, now: Timestamp) -> Result<Vec<RetryDue>, StoreError>;
    /// Notes that it was asked for, and when to ask again.
    fn note_retry(
        &mut self,
        peer: Address,
        transfer_id: TransferId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Takes what a peer has answered for; `None` if nothing like it is awaited.
    fn take_retry(
        &mut self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<RetryDue>, StoreError>;
    /// Counts a message that was asked for and came again.
    fn count_repaired(&mut self) -> Result<(), StoreError>;
    /// Queues a request: published like any envelope, and not in the send log.
    fn queue_request(&mut self, sealed: &Sealed) -> Result<(), StoreError>;

    /// Notes a peer's request; false if it is above the peer's hourly budget, if
    /// [`RESENDS_WAITING`](sysmaint_protocol::limits::RESENDS_WAITING) of them wait already, or if
    /// it names nothing that was ever sealed: a repair key has 63 bits.
    fn owe_resend(
        &mut self,
        peer: Address,
        repair_key: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Peers whose requests wait for an answer.
    fn resends_owed(&self) -> Result<Vec<Address>, StoreError>;
    /// Takes up to `limit` requests of a peer, oldest first.
    fn take_resends(&mut self, peer: Address, limit: usize) -> Result<Vec<u64>, StoreError>;
    /// What the send log has of a ciphertext to a peer.
    fn sent_message(
        &self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<SentMessage>, StoreError>;
    /// Takes telemetry to a peer out of its window and has its samples sent again: one message,
    /// or all that the peer has not confirmed.
    fn refill_telemetry(
        &mut self,
        peer: Address,
        content_id: Option<ContentId>,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

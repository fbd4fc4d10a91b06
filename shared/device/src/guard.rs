//! What stands in front of libsignal.
//!
//! libsignal 0.85.3 reads parts of a message before it checks the message's MAC. Whoever can put
//! an envelope into a mailbox could crash or stall it there, so every path passes these checks
//! first:
//!
//! * [`pq_ratchet`]: the post-quantum ratchet's bytes are well formed (malformed ones panic) and
//!   present (an absent one would allow a session without the post-quantum ratchet).
//! * [`candidates`]: a counter may not be far ahead of the state that the message is tried against
//!   (each skipped key costs work, quadratically), and a message that continues a chain is tried
//!   only against states that have it.
//! * [`canonical`](crate::key::canonical): no public key of low order or in a second encoding.

pub(crate) mod candidates;
pub(crate) mod pq_ratchet;

use libsignal_protocol::{PreKeySignalMessage, SignalMessage};
use sysmaint_protocol::Address;

pub(crate) use candidates::{Candidates, JUMP_MAX};

use crate::{
    archive::{Record, State},
    key::{InvalidKey, canonical},
    store::{PeerStore, StoreError},
};

/// Why a message does not reach libsignal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A counter too far ahead.
    #[error("a counter is {0} ahead of its chain (at most {max})", max = JUMP_MAX)]
    Jump(u32),
    /// A low-order or non-canonical key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// Malformed or missing post-quantum ratchet bytes.
    #[error(transparent)]
    PqRatchet(#[from] pq_ratchet::Malformed),
}

/// Checks an inner message of an established session; returns what libsignal may see of it.
pub(crate) fn signal(
    store: &dyn PeerStore,
    peer: Address,
    message: &SignalMessage,
) -> Result<Result<Candidates, Rejected>, StoreError> {
    Ok(match pq_ratchet::parse(message.pq_ratchet()) {
        Err(error) => Err(error.into()),
        Ok(pq) => match record(store, peer)? {
            None => Ok(Candidates::default()),
            Some(record) => continuing(record, message, pq),
        },
    })
}

fn continuing(
    record: Record,
    message: &SignalMessage,
    pq: pq_ratchet::Position,
) -> Result<Candidates, Rejected> {
    let key = message.sender_ratchet_key().serialize();
    let states = record.states();
    check_ratchet_key(&states, &key)?;
    Candidates::continuing(record, &states, &key, message.counter(), pq)
}

/// Checks a message that opens a session; returns what libsignal may see of earlier ones.
pub(crate) fn prekey(
    store: &dyn PeerStore,
    peer: Address,
    message: &PreKeySignalMessage,
) -> Result<Result<Candidates, Rejected>, StoreError> {
    let record = record(store, peer)?.unwrap_or_default();
    Ok(opening(record, message))
}

fn opening(record: Record, message: &PreKeySignalMessage) -> Result<Candidates, Rejected> {
    let (identity, base) = (message.identity_key().serialize(), message.base_key().serialize());
    canonical(&identity)?;
    canonical(&base)?;
    let inner = message.message();
    let pq = pq_ratchet::parse(inner.pq_ratchet())?;
    let key = inner.sender_ratchet_key().serialize();
    let states = record.states();
    check_ratchet_key(&states, &key)?;
    Candidates::opening(record, &states, &base, &key, inner.counter(), pq)
}

/// A chain that exists was authentic, and its key has passed this before.
fn check_ratchet_key(states: &[Option<State>], key: &[u8]) -> Result<(), InvalidKey> {
    if !states.iter().flatten().any(|state| state.next_counter(key).is_some()) {
        canonical(key)?;
    }
    Ok(())
}

/// The record of a peer; one that cannot be read is as good as none.
fn record(store: &dyn PeerStore, peer: Address) -> Result<Option<Record>, StoreError> {
    Ok(store.session(peer)?.and_then(|bytes| Record::parse(&bytes).ok()))
}

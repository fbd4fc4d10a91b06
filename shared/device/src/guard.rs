//! What stands in front of libsignal.
//!
//! libsignal 0.85.3 reads parts of a message before it checks the message's MAC. Whoever can put
//! an envelope into a mailbox could crash or stall it there, so every path passes these checks
//! first:
//!
//! * [`pq_ratchet`]: the post-quantum ratchet's bytes are well formed (malformed ones panic) and
//!   present (an absent one would allow a session without the post-quantum ratchet).
//! * [`jump`]: a counter may not be far ahead of what was seen on its chain (each skipped key
//!   costs work, quadratically).
//! * [`canonical`](crate::key::canonical): no public key of low order or in a second encoding.

pub(crate) mod jump;
pub(crate) mod pq_ratchet;

use libsignal_protocol::{PreKeySignalMessage, SignalMessage};

use crate::{
    key::{InvalidKey, canonical},
    store::{PeerStore, StoreError},
};
use sysmaint_protocol::Address;

/// Why a message does not reach libsignal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A counter too far ahead.
    #[error("a counter is {0} ahead of its chain")]
    Jump(u32),
    /// A low-order or non-canonical key.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// Malformed or missing post-quantum ratchet bytes.
    #[error(transparent)]
    PqRatchet(#[from] pq_ratchet::Malformed),
}

/// A message of either kind as the guard sees it.
pub(crate) struct Guarded<'a> {
    peer: Address,
    message: &'a SignalMessage,
    pq: pq_ratchet::Position,
    /// The highest counters of its chains so far.
    seen: [Option<u32>; 2],
    opens_session: bool,
}

/// Checks an inner message of an established session.
pub(crate) fn signal<'a>(
    store: &dyn PeerStore,
    peer: Address,
    message: &'a SignalMessage,
) -> Result<Result<Guarded<'a>, Rejected>, StoreError> {
    check(store, peer, message, false)
}

/// Checks a message that opens a session.
pub(crate) fn prekey<'a>(
    store: &dyn PeerStore,
    peer: Address,
    message: &'a PreKeySignalMessage,
) -> Result<Result<Guarded<'a>, Rejected>, StoreError> {
    let keys = [message.identity_key().serialize(), message.base_key().serialize()];
    if let Some(error) = keys.iter().find_map(|key| canonical(key).err()) {
        return Ok(Err(error.into()));
    }
    check(store, peer, message.message(), true)
}

fn check<'a>(
    store: &dyn PeerStore,
    peer: Address,
    message: &'a SignalMessage,
    opens_session: bool,
) -> Result<Result<Guarded<'a>, Rejected>, StoreError> {
    let pq = match pq_ratchet::parse(message.pq_ratchet()) {
        Ok(position) => position,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut guarded = Guarded { peer, message, pq, seen: [None; 2], opens_session };
    let positions = guarded.positions();
    for (seen, (chain, counter)) in guarded.seen.iter_mut().zip(&positions) {
        *seen = store.chain_counter(peer, chain)?;
        if let Err(ahead) = jump::check(*seen, *counter) {
            return Ok(Err(Rejected::Jump(ahead)));
        }
    }
    // A chain that has a counter was authentic, and its key has passed this before.
    let [(ratchet_key, _), _] = &positions;
    if guarded.seen[0].is_none()
        && let Err(error) = canonical(ratchet_key)
    {
        return Ok(Err(error.into()));
    }
    Ok(Ok(guarded))
}

impl Guarded<'_> {
    /// Remembers the counters of a message that was authentic.
    pub(crate) fn accept(&self, store: &mut dyn PeerStore) -> Result<(), StoreError> {
        for (seen, (chain, counter)) in self.seen.iter().zip(self.positions()) {
            if seen.is_none_or(|seen| seen < counter) {
                store.put_chain_counter(self.peer, &chain, counter)?;
            }
        }
        Ok(())
    }

    /// Whether it opens a session.
    pub(crate) const fn opens_session(&self) -> bool {
        self.opens_session
    }

    fn positions(&self) -> [(Vec<u8>, u32); 2] {
        let ratchet_key = self.message.sender_ratchet_key().serialize().into_vec();
        // The post-quantum chain goes on while ratchet keys change, and starts anew with every
        // epoch. Epochs of different sessions share an entry, which only makes it more lenient.
        let mut pq_chain = b"pq".to_vec();
        pq_chain.extend_from_slice(&self.pq.epoch.to_be_bytes());
        [(ratchet_key, self.message.counter()), (pq_chain, self.pq.index)]
    }
}

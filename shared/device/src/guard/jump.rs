//! How far a counter may jump.

use sysmaint_protocol::Address;

use crate::store::{PeerStore, StoreError};

/// Steps that a counter may be ahead of the last authentic message of its chain.
///
/// Each skipped step derives a key and moves a growing list, before anything is authenticated.
/// Honest gaps come from lost messages only: a telemetry window holds 30 of them, and receipts
/// start a new chain at least every 50.
pub(crate) const JUMP_MAX: u32 = 256;

/// The counter is at most [`JUMP_MAX`] ahead; else by how much it is ahead.
pub(crate) fn check(
    store: &dyn PeerStore,
    peer: Address,
    chain: &[u8],
    counter: u32,
) -> Result<Result<(), u32>, StoreError> {
    let seen = store.chain_counter(peer, chain)?.unwrap_or(0);
    let ahead = counter.saturating_sub(seen);
    Ok(if ahead > JUMP_MAX { Err(ahead) } else { Ok(()) })
}

/// Remembers an authentic counter.
pub(crate) fn accept(
    store: &mut dyn PeerStore,
    peer: Address,
    chain: &[u8],
    counter: u32,
) -> Result<(), StoreError> {
    match store.chain_counter(peer, chain)? {
        Some(seen) if seen >= counter => Ok(()),
        _ => store.put_chain_counter(peer, chain, counter),
    }
}

//! Envelopes that are held until somebody has decided, or the directory was asked.

use sysmaint_protocol::{Address, Handle, Timestamp};

use crate::{
    Incoming, Opened,
    certificate::Certified,
    store::{Candidate, DeadLetter, DeadReason, Held, Store, StoreError, Trust},
    trust,
};

/// Keeps the envelope, and the new key as the one to be decided on.
pub(crate) fn keep_changed(
    store: &mut dyn Store,
    certified: Certified,
    incoming: Incoming<'_>,
) -> Result<Opened, StoreError> {
    if let Some(mut peer) = store.peer(certified.owner)? {
        if peer.identity_key != certified.key {
            peer.candidate = Some(certified.key);
        }
        peer.trust = Trust::Changed;
        store.put_peer(certified.owner, &peer)?;
    }
    keep(store, certified.owner, incoming)
}

/// Keeps the envelope of a device that is not known to belong to its handle, until the directory
/// was asked.
pub(crate) fn keep_strangers(
    store: &mut dyn Store,
    certified: Certified,
    now: Timestamp,
    incoming: Incoming<'_>,
) -> Result<Opened, StoreError> {
    let Certified { owner, key, .. } = certified;
    // One that was theirs may have come back.
    if store.peer(owner)?.is_none_or(|peer| peer.trust == Trust::Changed) {
        trust::suspect(store, owner, key, 0, now)?;
    }
    Ok(match keep(store, owner, incoming)? {
        Opened::Held => Opened::Stranger,
        full => full,
    })
}

/// Keeps the envelope of another identity that claims a handle, until the directory was asked.
pub(crate) fn keep_claim(
    store: &mut dyn Store,
    claimant: Address,
    handle: &Handle,
    incoming: Incoming<'_>,
) -> Result<Opened, StoreError> {
    let key = store.peer(claimant)?.map(|peer| peer.identity_key);
    let rejected = match key {
        Some(key) => store.is_rejected(claimant, &key)?,
        None => false,
    };
    let contact = store.contact(handle)?.filter(|_| !rejected);
    let other = |candidate: &Candidate| candidate.address != claimant;
    // One claim at a time: whoever comes while another one waits is turned away.
    let Some(mut contact) = contact.filter(|known| !known.candidate.as_ref().is_some_and(other))
    else {
        return turn_away(store, claimant, incoming, DeadReason::Rejected);
    };
    if contact.candidate.is_none() {
        contact.candidate = Some(Candidate { address: claimant, confirmed: false });
        store.put_contact(handle, &contact)?;
    }
    keep(store, claimant, incoming)
}

fn keep(
    store: &mut dyn Store,
    sender: Address,
    incoming: Incoming<'_>,
) -> Result<Opened, StoreError> {
    let Incoming { bytes, transfer_id, stored_at } = incoming;
    if store.hold(&Held { sender, envelope: bytes.to_vec(), transfer_id, stored_at })? {
        return Ok(Opened::Held);
    }
    turn_away(store, sender, incoming, DeadReason::TooMany)
}

fn turn_away(
    store: &mut dyn Store,
    sender: Address,
    incoming: Incoming<'_>,
    reason: DeadReason,
) -> Result<Opened, StoreError> {
    let Incoming { transfer_id, stored_at, .. } = incoming;
    store.bury(&DeadLetter { sender: Some(sender), transfer_id, reason, stored_at })?;
    Ok(Opened::Dead(reason))
}

/// Gives up what is held of a sender; returns how much that was.
pub(crate) fn bury(
    store: &mut dyn Store,
    sender: Address,
    reason: DeadReason,
) -> Result<usize, StoreError> {
    let held = store.take_held(sender)?;
    for Held { transfer_id, stored_at, .. } in &held {
        store.bury(&DeadLetter {
            sender: Some(sender),
            transfer_id: *transfer_id,
            reason,
            stored_at: *stored_at,
        })?;
    }
    Ok(held.len())
}

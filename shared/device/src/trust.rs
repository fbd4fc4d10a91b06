//! Which key belongs to whom: pinned at first sight, held when it changes, and decided by people.
//!
//! A key changes in three ways. A known device shows another key; a further device shows up that
//! no known one has admitted; or, where a lost store was made anew, another identity has the
//! handle. The last is believed only when the directory has it under the pinned root: anybody who
//! is certified can claim a handle.

use rand::{CryptoRng, Rng};
use sysmaint_protocol::{Address, Handle, Timestamp, subject::Mailbox};

use crate::{
    Device, Opened, SafetyNumber,
    certificate::Certified,
    held,
    key::IdentityKey,
    listing,
    stop::Stop,
    store::{Candidate, DeadReason, Peer, Store, StoreError, Trust},
};

/// A decision could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A stored key is damaged, or a number could not be computed.
    #[error("the safety number with {0} cannot be computed")]
    Fingerprint(Handle),
    /// There is nothing to decide.
    #[error("{0}'s identity key has not changed; there is nothing to accept or reject")]
    NotChanged(Handle),
    /// The handle was never met.
    #[error("{0} is not known here yet; send something first")]
    Unknown(Handle),
    /// Its key waits for a decision.
    #[error("{0}'s identity key has changed; accept or reject it first")]
    Undecided(Handle),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How one device of a handle stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The handle.
    pub handle: Handle,
    /// The device whose key is pinned.
    pub address: Address,
    /// What we think of it.
    pub trust: Trust,
    /// For the pinned key.
    pub safety_number: SafetyNumber,
    /// The same for the key that waits for a decision.
    pub changed_number: Option<SafetyNumber>,
}

impl Device {
    /// How each device of a handle stands.
    pub fn standing(
        &self,
        store: &dyn Store,
        handle: &Handle,
    ) -> Result<Vec<Standing>, TrustError> {
        let unknown = || TrustError::Unknown(handle.clone());
        let contact = store.contact(handle)?.ok_or_else(unknown)?;
        let moved = contact.successor();
        let theirs = match moved {
            Some(Candidate { address, .. }) => {
                store.peer(address)?.map(|peer| (address, peer.identity_key))
            }
            None => None,
        };
        let mut all = Vec::new();
        for (device_id, peer) in store.peers_of(contact.service_id)? {
            if !contact.devices.contains(&device_id) && peer.candidate.is_none() {
                continue;
            }
            let address = Address { service_id: contact.service_id, device_id };
            let changed = theirs.or(peer.candidate.map(|key| (address, key)));
            let trust = if moved.is_some() { Trust::Changed } else { peer.trust };
            all.push(Standing {
                handle: handle.clone(),
                address,
                trust,
                safety_number: self.safety_number(handle, address, &peer.identity_key)?,
                changed_number: changed
                    .map(|(address, key)| self.safety_number(handle, address, &key))
                    .transpose()?,
            });
        }
        if let (true, Some((address, key))) = (all.is_empty(), theirs) {
            // Whoever had the handle before has no device left to show.
            let number = self.safety_number(handle, address, &key)?;
            let (safety_number, changed_number) = (number.clone(), Some(number));
            let (handle, trust) = (handle.clone(), Trust::Changed);
            all.push(Standing { handle, address, trust, safety_number, changed_number });
        }
        Ok(all)
    }

    /// Everybody who was met, and the least trusted of their devices.
    pub fn known_handles(&self, store: &dyn Store) -> Result<Vec<(Handle, Trust)>, StoreError> {
        let mut known = Vec::new();
        for (handle, contact) in store.contacts()? {
            let moved = contact.successor().is_some();
            let mut least = if moved { Trust::Changed } else { Trust::Verified };
            for (device_id, peer) in store.peers_of(contact.service_id)? {
                if contact.devices.contains(&device_id) || peer.candidate.is_some() {
                    least = least.min(peer.trust);
                }
            }
            known.push((handle, least));
        }
        Ok(known)
    }

    /// Handles whose key waits for a decision.
    pub fn changed_handles(&self, store: &dyn Store) -> Result<Vec<Handle>, StoreError> {
        let known = self.known_handles(store)?.into_iter();
        Ok(known.filter(|(_, trust)| *trust == Trust::Changed).map(|(handle, _)| handle).collect())
    }

    /// Handles that another identity claims, which the directory has not been asked about.
    pub fn claimed_handles(&self, store: &dyn Store) -> Result<Vec<Handle>, StoreError> {
        let unconfirmed = |candidate: Candidate| !candidate.confirmed;
        let contacts = store.contacts()?.into_iter();
        Ok(contacts
            .filter(|(_, contact)| contact.candidate.is_some_and(unconfirmed))
            .map(|(handle, _)| handle)
            .collect())
    }

    /// Pins the changed key of a handle, and opens in order what was held for it. What is sent
    /// from now on goes on a fresh session. Returns what became of the held envelopes.
    pub fn accept_key<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
    ) -> Result<Vec<Opened>, TrustError> {
        let unknown = || TrustError::Unknown(handle.clone());
        let mut contact = store.contact(handle)?.ok_or_else(unknown)?;
        let mut accepted = Vec::new();
        if let Some(candidate) = contact.candidate.take().filter(|candidate| candidate.confirmed) {
            for device_id in &contact.devices {
                let old = Address { service_id: contact.service_id, device_id: *device_id };
                store.refill_telemetry(old, None, now)?;
                store.withdraw(&Mailbox::new(handle.clone(), *device_id), old)?;
            }
            contact.service_id = candidate.address.service_id;
            contact.devices = vec![candidate.address.device_id];
            accepted.push(candidate.address);
        } else {
            for (device_id, mut peer) in store.peers_of(contact.service_id)? {
                let address = Address { service_id: contact.service_id, device_id };
                let Some(key) = peer.candidate.take() else { continue };
                if peer.identity_key != key {
                    // What the old key still sends is not theirs any more.
                    store.reject_key(address, &peer.identity_key)?;
                    store.refill_telemetry(address, None, now)?;
                    store.drop_session(address)?;
                    (peer.identity_key, peer.registration_id) = (key, 0);
                }
                peer.trust = Trust::Pinned;
                store.put_peer(address, &peer)?;
                if !contact.devices.contains(&device_id) {
                    contact.devices.push(device_id);
                }
                accepted.push(address);
            }
        }
        if accepted.is_empty() {
            return Err(TrustError::NotChanged(handle.clone()));
        }
        store.put_contact(handle, &contact)?;
        let mut opened = Vec::new();
        for address in accepted {
            opened.extend(self.open_held(store, rng, now, address)?);
        }
        Ok(opened)
    }

    /// Keeps the pinned key of a handle; what was held becomes dead letters, and what the other
    /// key sends from now on too. Returns how many envelopes were held.
    pub fn reject_key(&self, store: &mut dyn Store, handle: &Handle) -> Result<usize, TrustError> {
        let unknown = || TrustError::Unknown(handle.clone());
        let mut contact = store.contact(handle)?.ok_or_else(unknown)?;
        let (mut buried, mut any) = (0, false);
        if let Some(Candidate { address, .. }) = contact.candidate.take() {
            if let Some(peer) = store.peer(address)? {
                store.reject_key(address, &peer.identity_key)?;
            }
            store.put_contact(handle, &contact)?;
            buried += held::bury(store, address, DeadReason::Rejected)?;
            any = true;
        }
        for (device_id, mut peer) in store.peers_of(contact.service_id)? {
            let address = Address { service_id: contact.service_id, device_id };
            let is_member = contact.devices.contains(&device_id);
            if peer.trust == Trust::Changed && (is_member || peer.candidate.is_some()) {
                if let Some(key) = peer.candidate.take() {
                    store.reject_key(address, &key)?;
                }
                // One that was never theirs has no other key to go back to.
                peer.trust = if is_member { Trust::Pinned } else { Trust::Changed };
                store.put_peer(address, &peer)?;
                buried += held::bury(store, address, DeadReason::Rejected)?;
                any = true;
            }
        }
        if any { Ok(buried) } else { Err(TrustError::NotChanged(handle.clone())) }
    }

    /// Notes that people have compared the safety numbers of a handle.
    pub fn mark_verified(&self, store: &mut dyn Store, handle: &Handle) -> Result<(), TrustError> {
        for Standing { address, trust, .. } in self.standing(store, handle)? {
            if trust == Trust::Changed {
                return Err(TrustError::Undecided(handle.clone()));
            }
            if let Some(peer) = store.peer(address)? {
                store.put_peer(address, &Peer { trust: Trust::Verified, ..peer })?;
            }
        }
        Ok(())
    }

    fn safety_number(
        &self,
        handle: &Handle,
        address: Address,
        key: &IdentityKey,
    ) -> Result<SafetyNumber, TrustError> {
        let failed = || TrustError::Fingerprint(handle.clone());
        let theirs = key.to_signal().map_err(|_| failed())?;
        let ours = (self.address.service_id, self.identity.identity_key());
        SafetyNumber::between(ours, (address.service_id, &theirs)).map_err(|_| failed())
    }
}

/// Pins a sender's key on first sight; stops at a key that is not the pinned one, and at a device
/// that is not known to belong to its handle.
pub(crate) fn pin(store: &mut dyn Store, certified: Certified, now: Timestamp) -> Result<(), Stop> {
    if !is_member(store, certified.owner)? {
        if store.is_rejected(certified.owner, &certified.key)? {
            return Err(Stop::Dead(DeadReason::Rejected));
        }
        return Err(Stop::Stranger(certified));
    }
    let Some(peer) = store.peer(certified.owner)? else {
        return Ok(pin_new(store, certified.owner, certified.key, now)?);
    };
    if listing::is_pinned(&peer, &certified.key) {
        return Ok(());
    }
    if store.is_rejected(certified.owner, &certified.key)? {
        return Err(Stop::Dead(DeadReason::Rejected));
    }
    Err(Stop::Held(certified))
}

/// Whether somebody who is certified is known by this very key, and nothing is undecided.
pub(crate) fn is_known(store: &dyn Store, certified: Certified) -> Result<bool, StoreError> {
    let Some(peer) = store.peer(certified.owner)? else { return Ok(false) };
    Ok(listing::is_pinned(&peer, &certified.key) && is_member(store, certified.owner)?)
}

/// Whether a device may speak for its handle; true of everybody whose handle is not known.
pub(crate) fn is_member(store: &dyn Store, peer: Address) -> Result<bool, StoreError> {
    let Some(handle) = store.handle_of(peer.service_id)? else { return Ok(true) };
    let contact = store.contact(&handle)?;
    Ok(contact.is_none_or(|contact| contact.devices.contains(&peer.device_id)))
}

pub(crate) fn pin_new(
    store: &mut dyn Store,
    address: Address,
    identity_key: IdentityKey,
    first_seen: Timestamp,
) -> Result<(), StoreError> {
    if store.peer(address)?.is_some() {
        return Ok(());
    }
    let (trust, candidate, registration_id) = (Trust::Pinned, None, 0);
    let peer = Peer { identity_key, trust, candidate, registration_id, first_seen };
    store.put_peer(address, &peer)
}

/// Keeps the key of a device that is not believed until people decide.
pub(crate) fn suspect(
    store: &mut dyn Store,
    address: Address,
    key: IdentityKey,
    registration_id: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known = store.peer(address)?;
    let identity_key = known.as_ref().map_or(key, |known| known.identity_key);
    let first_seen = known.map_or(now, |known| known.first_seen);
    let (trust, candidate) = (Trust::Changed, Some(key));
    let peer = Peer { identity_key, trust, candidate, registration_id, first_seen };
    store.put_peer(address, &peer)
}

/// Whether nothing may be sealed to a peer until people have decided, or because it is gone.
pub(crate) fn is_undecided(
    store: &dyn Store,
    to: &Handle,
    peer: Address,
) -> Result<bool, StoreError> {
    let contact = store.contact(to)?;
    let moved = contact.as_ref().is_some_and(|contact| contact.successor().is_some());
    let is_gone = contact.is_some_and(|contact| {
        contact.service_id == peer.service_id && !contact.devices.contains(&peer.device_id)
    });
    Ok(moved || is_gone || store.peer(peer)?.is_some_and(|peer| peer.trust == Trust::Changed))
}

/// Whether a sender without a handle of its own claims one that is bound to another identity.
pub(crate) fn is_foreign_claim(
    store: &dyn Store,
    sender: Address,
    claimed: &Handle,
) -> Result<bool, StoreError> {
    let Some(contact) = store.contact(claimed)? else { return Ok(false) };
    Ok(contact.service_id != sender.service_id && store.handle_of(sender.service_id)?.is_none())
}

//! Which key belongs to whom: pinned at first sight, held when it changes, and decided by people.
//!
//! A key changes in two ways. A known device shows another key; or, where a lost store was made
//! anew, another identity has the handle. The second is believed only when the directory has it
//! under the pinned root: anybody who is certified can claim a handle.

use libsignal_protocol::Fingerprint;
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{Address, Handle, Timestamp, rest::Bundle};

use crate::{
    BundleError, Device, Incoming, Opened,
    bundle::certified_device,
    certificate::Certified,
    key::IdentityKey,
    stop::Stop,
    store::{Candidate, DeadLetter, DeadReason, Held, Peer, Store, StoreError, Trust},
};

/// As Signal's own clients compute safety numbers.
const VERSION: u32 = 2;
const ITERATIONS: u32 = 5_200;

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
    /// 60 digits for the pinned key, equal on both sides.
    pub safety_number: String,
    /// The same for the key that waits for a decision.
    pub changed_number: Option<String>,
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
        let moved = contact.candidate.filter(|candidate| candidate.confirmed);
        let mut all = Vec::new();
        for device_id in contact.devices {
            let address = Address { service_id: contact.service_id, device_id };
            let peer = store.peer(address)?.ok_or_else(unknown)?;
            let changed = match moved {
                Some(Candidate { address, .. }) => {
                    store.peer(address)?.map(|peer| (address, peer.identity_key))
                }
                None => peer.candidate.map(|key| (address, key)),
            };
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
        Ok(all)
    }

    /// Handles whose key waits for a decision.
    pub fn changed_handles(&self, store: &dyn Store) -> Result<Vec<Handle>, StoreError> {
        let mut changed = Vec::new();
        for (handle, contact) in store.contacts()? {
            let moved = contact.candidate.is_some_and(|candidate| candidate.confirmed);
            let mut devices = contact.devices.iter().map(|device_id| {
                store.peer(Address { service_id: contact.service_id, device_id: *device_id })
            });
            let other_key = devices.try_fold(false, |any, peer| {
                peer.map(|peer| any || peer.is_some_and(|peer| peer.trust == Trust::Changed))
            })?;
            if moved || other_key {
                changed.push(handle);
            }
        }
        Ok(changed)
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

    /// Compares what the directory has under a handle with what is pinned, and remembers a
    /// change. A claim that the directory does not confirm is turned away with its messages.
    pub fn note_bundle(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<(), BundleError> {
        let Some(mut contact) = store.contact(handle)? else { return Ok(()) };
        for device in &bundle.devices {
            let (address, key) = certified_device(&self.trust_root, handle, bundle, device)?;
            if store.is_rejected(address, &key)? {
                continue;
            }
            if bundle.service_id != contact.service_id {
                pin_new(store, address, key, now)?;
                contact.candidate = Some(Candidate { address, confirmed: true });
                return Ok(store.put_contact(handle, &contact)?);
            }
            if let Some(mut peer) = store.peer(address)?
                && peer.identity_key != key
            {
                (peer.trust, peer.candidate) = (Trust::Changed, Some(key));
                store.put_peer(address, &peer)?;
            }
        }
        if let Some(candidate) = contact.candidate.take() {
            store.put_contact(handle, &contact)?;
            bury_held(store, candidate.address)?;
        }
        Ok(())
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
            }
            contact.service_id = candidate.address.service_id;
            contact.devices = vec![candidate.address.device_id];
            accepted.push(candidate.address);
        } else {
            for device_id in &contact.devices {
                let address = Address { service_id: contact.service_id, device_id: *device_id };
                if let Some(mut peer) = store.peer(address)?
                    && let Some(key) = peer.candidate.take()
                {
                    // What the old key still sends is not theirs any more.
                    store.reject_key(address, &peer.identity_key)?;
                    store.refill_telemetry(address, None, now)?;
                    store.drop_session(address)?;
                    (peer.identity_key, peer.trust, peer.registration_id) = (key, Trust::Pinned, 0);
                    store.put_peer(address, &peer)?;
                    accepted.push(address);
                }
            }
        }
        if accepted.is_empty() {
            return Err(TrustError::NotChanged(handle.clone()));
        }
        store.put_contact(handle, &contact)?;
        let mut opened = Vec::new();
        for address in accepted {
            for held in store.take_held(address)? {
                let Held { envelope, transfer_id, stored_at, .. } = held;
                let incoming = Incoming { bytes: &envelope, transfer_id, stored_at };
                opened.push(self.open_again(store, rng, now, incoming)?.0);
            }
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
            buried += bury_held(store, address)?;
            any = true;
        }
        for device_id in contact.devices {
            let address = Address { service_id: contact.service_id, device_id };
            if let Some(mut peer) = store.peer(address)?
                && peer.trust == Trust::Changed
            {
                if let Some(key) = peer.candidate.take() {
                    store.reject_key(address, &key)?;
                }
                peer.trust = Trust::Pinned;
                store.put_peer(address, &peer)?;
                buried += bury_held(store, address)?;
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
    ) -> Result<String, TrustError> {
        let failed = || TrustError::Fingerprint(handle.clone());
        let theirs = key.to_signal().map_err(|_| failed())?;
        let number = Fingerprint::new(
            VERSION,
            ITERATIONS,
            self.address.service_id.as_bytes(),
            self.identity.identity_key(),
            address.service_id.as_bytes(),
            &theirs,
        );
        number.and_then(|number| number.display_string()).map_err(|_| failed())
    }
}

/// Pins a sender's key on first sight; stops at a key that is not the pinned one.
pub(crate) fn pin(store: &mut dyn Store, certified: Certified, now: Timestamp) -> Result<(), Stop> {
    let Some(peer) = store.peer(certified.owner)? else {
        return Ok(pin_new(store, certified.owner, certified.key, now)?);
    };
    if peer.identity_key == certified.key && peer.trust != Trust::Changed {
        return Ok(());
    }
    if store.is_rejected(certified.owner, &certified.key)? {
        return Err(Stop::Dead(DeadReason::Rejected));
    }
    Err(Stop::Held(certified))
}

fn pin_new(
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

/// Whether nothing may be sealed to a peer until people have decided.
pub(crate) fn is_undecided(
    store: &dyn Store,
    to: &Handle,
    peer: Address,
) -> Result<bool, StoreError> {
    let contact = store.contact(to)?;
    let moved = contact.and_then(|contact| contact.candidate).is_some_and(|it| it.confirmed);
    Ok(moved || store.peer(peer)?.is_some_and(|peer| peer.trust == Trust::Changed))
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

/// Keeps the envelope, and the new key as the one to be decided on.
pub(crate) fn hold(
    store: &mut dyn Store,
    certified: Certified,
    incoming: Incoming<'_>,
) -> Result<(), StoreError> {
    if let Some(mut peer) = store.peer(certified.owner)? {
        if peer.identity_key != certified.key {
            peer.candidate = Some(certified.key);
        }
        peer.trust = Trust::Changed;
        store.put_peer(certified.owner, &peer)?;
    }
    keep(store, certified.owner, incoming)
}

/// Keeps the envelope of another identity that claims a handle, until the directory was asked.
pub(crate) fn hold_claim(
    store: &mut dyn Store,
    claimant: Address,
    handle: &Handle,
    incoming: Incoming<'_>,
) -> Result<(), StoreError> {
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
        let Incoming { transfer_id, stored_at, .. } = incoming;
        let (sender, reason) = (Some(claimant), DeadReason::Rejected);
        return store.bury(&DeadLetter { sender, transfer_id, reason, stored_at });
    };
    if contact.candidate.is_none() {
        contact.candidate = Some(Candidate { address: claimant, confirmed: false });
        store.put_contact(handle, &contact)?;
    }
    keep(store, claimant, incoming)
}

fn keep(store: &mut dyn Store, sender: Address, incoming: Incoming<'_>) -> Result<(), StoreError> {
    let Incoming { bytes, transfer_id, stored_at } = incoming;
    store.hold(&Held { sender, envelope: bytes.to_vec(), transfer_id, stored_at })
}

fn bury_held(store: &mut dyn Store, sender: Address) -> Result<usize, StoreError> {
    let held = store.take_held(sender)?;
    for Held { transfer_id, stored_at, .. } in &held {
        store.bury(&DeadLetter {
            sender: Some(sender),
            transfer_id: *transfer_id,
            reason: DeadReason::Rejected,
            stored_at: *stored_at,
        })?;
    }
    Ok(held.len())
}

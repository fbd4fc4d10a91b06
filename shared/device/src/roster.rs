//! Which devices belong to a handle: learned from the directory, believed by admission.

use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Address, Handle, Timestamp,
    limits::RECEIPT_IDS,
    rest::{Bundle, Roster},
    subject::Mailbox,
};

use crate::{
    BundleError, Device, Incoming, Opened,
    admission::Refusal,
    archive, held,
    listing::{Judgement, Listed, Listing, is_pinned},
    store::{Candidate, Contact, DeadReason, Held, Peer, Store, StoreError, Trust},
    trust,
};

/// What the directory's word about a handle's devices has led to.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// Devices that are not believed.
    pub refused: Vec<Refusal>,
    /// How many devices belong to the handle from now on.
    pub joined: usize,
    /// How many do not any more.
    pub gone: usize,
    /// What became of envelopes that were held until their sender was looked up.
    pub settled: Vec<Opened>,
}

impl Device {
    /// Pins who a handle is, by its devices alone. Returns those that are not believed.
    pub fn accept_roster(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        roster: &Roster,
    ) -> Result<Vec<Refusal>, BundleError> {
        let listing = Listing::of_roster(&self.trust_root, handle, roster)?;
        self.believe(store, now, handle, &listing)
    }

    /// Takes over what the directory says of a known handle: further devices that are admitted
    /// belong to it from now on, those that are not are held, and those that it does not list any
    /// more are gone: their sessions are retired, and nothing is sealed to them. What was held for
    /// this is settled.
    pub fn note_roster<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
        roster: &Roster,
    ) -> Result<Noted, BundleError> {
        let listing = Listing::of_roster(&self.trust_root, handle, roster)?;
        let mut noted = Noted::default();
        let Some(judgement) = note(store, now, handle, &listing, &mut noted)? else {
            return Ok(noted);
        };
        part(store, handle, &listing, &mut noted)?;
        self.settle_held(store, rng, now, handle, &judgement, &mut noted)?;
        Ok(noted)
    }

    /// The same for a bundle, which does not name every device: it shows who has changed or
    /// joined, and nobody is gone by it.
    pub fn note_bundle(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<(), BundleError> {
        let listing = Listing::of_bundle(&self.trust_root, handle, bundle)?;
        note(store, now, handle, &listing, &mut Noted::default()).map(|_| ())
    }

    /// Believes a listing of somebody who is met, or stops at whatever has changed.
    pub(crate) fn believe(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        listing: &Listing,
    ) -> Result<Vec<Refusal>, BundleError> {
        if listing.service_id == self.address.service_id {
            return Err(BundleError::WrongIdentity(handle.clone()));
        }
        let known = store.contact(handle)?;
        if known.as_ref().is_some_and(|known| known.service_id != listing.service_id) {
            return Err(BundleError::HandleMoved(handle.clone()));
        }
        let judgement = listing.judge(store, known.as_ref())?;
        if !judgement.changed.is_empty() {
            return Err(BundleError::IdentityChanged(handle.clone()));
        }
        if judgement.believed.is_empty() {
            return Err(BundleError::NoDevice(handle.clone()));
        }
        let new =
            || Contact { service_id: listing.service_id, devices: Vec::new(), candidate: None };
        let mut noted = Noted::default();
        take_over(store, now, handle, known.unwrap_or_else(new), &judgement, &mut noted)?;
        Ok(noted.refused)
    }

    /// Opens what was held of devices that belong to the handle, and turns away what those sent
    /// that were revoked.
    fn settle_held<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
        judgement: &Judgement,
        noted: &mut Noted,
    ) -> Result<(), BundleError> {
        let Some(contact) = store.contact(handle)? else { return Ok(()) };
        let senders = store.held_senders()?.into_iter();
        for sender in senders.filter(|sender| sender.service_id == contact.service_id) {
            let Some(peer) = store.peer(sender)? else { continue };
            if contact.devices.contains(&sender.device_id) {
                if peer.trust != Trust::Changed {
                    noted.settled.extend(self.open_held(store, rng, now, sender)?);
                }
                continue;
            }
            let former =
                judgement.former.iter().find(|former| former.address == sender).map(|it| it.key);
            if let Some(key) = former
                && peer.trust == Trust::Changed
                && peer.candidate == Some(key)
            {
                // Seen too late to have been pinned while it was theirs.
                let (trust, candidate) = (Trust::Pinned, None);
                let peer = Peer { identity_key: key, trust, candidate, ..peer.clone() };
                store.put_peer(sender, &peer)?;
            }
            let is_gone = store.peer(sender)?.is_some_and(|peer| peer.trust != Trust::Changed);
            if is_gone {
                let buried = held::bury(store, sender, DeadReason::Revoked)?;
                let dead = Opened::Dead(DeadReason::Revoked);
                noted.settled.extend(std::iter::repeat_n(dead, buried));
            }
        }
        Ok(())
    }

    /// Opens in order what was held of a sender.
    pub(crate) fn open_held<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        sender: Address,
    ) -> Result<Vec<Opened>, StoreError> {
        let mut opened = Vec::new();
        for held in store.take_held(sender)? {
            let Held { envelope, transfer_id, stored_at, .. } = held;
            let incoming = Incoming { bytes: &envelope, transfer_id, stored_at };
            opened.push(self.open_again(store, rng, now, incoming)?.0);
        }
        Ok(opened)
    }

    /// Handles of which something is held that an unknown or revoked device has sent.
    pub fn strangers(&self, store: &dyn Store) -> Result<Vec<Handle>, StoreError> {
        let mut handles = Vec::new();
        for sender in store.held_senders()? {
            let Some(handle) = store.handle_of(sender.service_id)? else { continue };
            let is_member = store
                .contact(&handle)?
                .is_some_and(|contact| contact.devices.contains(&sender.device_id));
            if !is_member && !handles.contains(&handle) {
                handles.push(handle);
            }
        }
        Ok(handles)
    }
}

/// Remembers what a listing shows. `None` if it is of another identity than the pinned one,
/// or of nobody who is known.
fn note(
    store: &mut dyn Store,
    now: Timestamp,
    handle: &Handle,
    listing: &Listing,
    noted: &mut Noted,
) -> Result<Option<Judgement>, BundleError> {
    let Some(mut contact) = store.contact(handle)? else { return Ok(None) };
    if listing.service_id != contact.service_id {
        for Listed { address, key, .. } in &listing.devices {
            if !store.is_rejected(*address, key)? {
                trust::pin_new(store, *address, *key, now)?;
                contact.candidate = Some(Candidate { address: *address, confirmed: true });
                store.put_contact(handle, &contact)?;
                return Ok(None);
            }
        }
        return Ok(None);
    }
    if let Some(candidate) = contact.candidate.take() {
        store.put_contact(handle, &contact)?;
        held::bury(store, candidate.address, DeadReason::Rejected)?;
    }
    let judgement = listing.judge(store, Some(&contact))?;
    for Listed { address, key, .. } in &judgement.changed {
        if let Some(mut peer) = store.peer(*address)?
            && peer.identity_key != *key
            && !store.is_rejected(*address, key)?
        {
            (peer.trust, peer.candidate) = (Trust::Changed, Some(*key));
            store.put_peer(*address, &peer)?;
        }
    }
    take_over(store, now, handle, contact, &judgement, noted)?;
    Ok(Some(judgement))
}

/// Parts with devices that a complete listing does not name.
fn part(
    store: &mut dyn Store,
    handle: &Handle,
    listing: &Listing,
    noted: &mut Noted,
) -> Result<(), StoreError> {
    let Some(mut contact) = store.contact(handle)? else { return Ok(()) };
    let is_listed =
        |device_id| listing.devices.iter().any(|listed| listed.address.device_id == device_id);
    let (stay, gone): (Vec<_>, Vec<_>) =
        contact.devices.iter().copied().partition(|device_id| is_listed(*device_id));
    if gone.is_empty() {
        return Ok(());
    }
    for device_id in &gone {
        let peer = Address { service_id: contact.service_id, device_id: *device_id };
        part_with(store, &Mailbox::new(handle.clone(), *device_id), peer)?;
    }
    noted.gone += gone.len();
    contact.devices = stay;
    store.put_contact(handle, &contact)
}

/// Pins those who are believed, and keeps those who are not for a decision.
fn take_over(
    store: &mut dyn Store,
    now: Timestamp,
    handle: &Handle,
    mut contact: Contact,
    judgement: &Judgement,
    noted: &mut Noted,
) -> Result<(), StoreError> {
    for listed in &judgement.believed {
        pin(store, now, handle, listed)?;
        let device_id = listed.address.device_id;
        if !contact.devices.contains(&device_id) {
            contact.devices.push(device_id);
            noted.joined += 1;
        }
    }
    for (listed, error) in &judgement.refused {
        let Listed { address, key, registration_id, .. } = listed;
        trust::suspect(store, *address, *key, *registration_id, now)?;
        let device_id = address.device_id;
        noted.refused.push(Refusal { handle: handle.clone(), device_id, error: *error });
    }
    for Listed { address, key, .. } in &judgement.former {
        // Known from now on as one that is gone.
        trust::pin_new(store, *address, *key, now)?;
    }
    store.put_contact(handle, &contact)
}

/// Pins a device that is believed. A new registration id means a new store, which has none of the
/// sessions that the old one had.
fn pin(
    store: &mut dyn Store,
    now: Timestamp,
    handle: &Handle,
    listed: &Listed,
) -> Result<(), StoreError> {
    let Listed { address, key, registration_id, .. } = listed;
    let known = store.peer(*address)?.filter(|peer| is_pinned(peer, key));
    let Some(known) = known else {
        let (identity_key, registration_id) = (*key, *registration_id);
        let (trust, candidate, first_seen) = (Trust::Pinned, None, now);
        let peer = Peer { identity_key, trust, candidate, registration_id, first_seen };
        return store.put_peer(*address, &peer);
    };
    if known.registration_id == *registration_id {
        return Ok(());
    }
    if known.registration_id != 0 {
        retire_session(store, *address)?;
    }
    let mailbox = Mailbox::new(handle.clone(), address.device_id);
    store.readdress(&mailbox, *registration_id)?;
    store.put_peer(*address, &Peer { registration_id: *registration_id, ..known })
}

/// Nothing further is sealed to a device, and nothing that waits is published. What it may still
/// have sent is opened if it comes back.
pub(crate) fn part_with(
    store: &mut dyn Store,
    mailbox: &Mailbox,
    peer: Address,
) -> Result<(), StoreError> {
    retire_session(store, peer)?;
    while !store.take_receipts(peer, RECEIPT_IDS)?.is_empty() {}
    store.withdraw(mailbox, peer)
}

fn retire_session(store: &mut dyn Store, peer: Address) -> Result<(), StoreError> {
    if let Some(record) = store.session(peer)?
        && let Ok(retired) = archive::retire(&record)
    {
        store.put_session(peer, &retired)?;
    }
    Ok(())
}

//! What a directory says of a handle's devices, and how much of it is believed.
//!
//! A device is believed if its key is the pinned one, or if a chain of admissions leads from a
//! believed device to it. At first sight one device is believed as it is, and the chain starts
//! there: the directory can name any key for somebody whom nobody knows yet, but it cannot slip a
//! further device in beside them.

use std::collections::BTreeMap;

use sysmaint_protocol::{
    Address, Admission, Base64Bytes, DeviceId, Handle, ServiceId,
    rest::{Bundle, FormerDevice, Roster},
};

use crate::{
    BundleError,
    admission::AdmissionError,
    certificate,
    key::IdentityKey,
    store::{Contact, Peer, Store, StoreError, Trust},
    verify,
};

/// A handle's devices, each certified under the root.
pub(crate) struct Listing {
    pub(crate) service_id: ServiceId,
    pub(crate) devices: Vec<Listed>,
    pub(crate) former: Vec<Listed>,
}

/// One device. Of a former one there is no certificate, and no registration id.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) address: Address,
    pub(crate) key: IdentityKey,
    pub(crate) registration_id: u32,
    admission: Option<Base64Bytes>,
}

/// What is to be thought of a listing.
#[derive(Default)]
pub(crate) struct Judgement {
    /// Theirs.
    pub(crate) believed: Vec<Listed>,
    /// Known devices under another key than the pinned one, or undecided.
    pub(crate) changed: Vec<Listed>,
    /// Further devices that nobody who is believed has admitted.
    pub(crate) refused: Vec<(Listed, AdmissionError)>,
    /// Former devices that were theirs.
    pub(crate) former: Vec<Listed>,
}

impl Listing {
    pub(crate) fn of_roster(
        root: &IdentityKey,
        handle: &Handle,
        roster: &Roster,
    ) -> Result<Self, BundleError> {
        let service_id = named(handle, &roster.identity, roster.service_id)?;
        let mut devices = Vec::with_capacity(roster.devices.len());
        for device in &roster.devices {
            let address = Address { service_id, device_id: device.device_id };
            let key = certified(root, handle, address, &device.identity_key, &device.certificate)?;
            let (registration_id, admission) = (device.registration_id, device.admission.clone());
            devices.push(Listed { address, key, registration_id, admission });
        }
        let former = |former: &FormerDevice| {
            let address = Address { service_id, device_id: former.device_id };
            let key = IdentityKey::parse(&former.identity_key.0)?;
            Ok(Listed { address, key, registration_id: 0, admission: former.admission.clone() })
        };
        let former = roster.former.iter().map(former).collect::<Result<_, BundleError>>()?;
        Ok(Self { service_id, devices, former })
    }

    /// A bundle names only devices that have prekeys.
    pub(crate) fn of_bundle(
        root: &IdentityKey,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<Self, BundleError> {
        let service_id = named(handle, &bundle.identity, bundle.service_id)?;
        let mut devices = Vec::with_capacity(bundle.devices.len());
        for device in &bundle.devices {
            let address = Address { service_id, device_id: device.device_id };
            let key = certified(root, handle, address, &device.identity_key, &device.certificate)?;
            let (registration_id, admission) = (device.registration_id, device.admission.clone());
            devices.push(Listed { address, key, registration_id, admission });
        }
        Ok(Self { service_id, devices, former: Vec::new() })
    }

    /// Sorts the devices by what is known of the handle; `known` is bound to the same service id.
    pub(crate) fn judge(
        &self,
        store: &dyn Store,
        known: Option<&Contact>,
    ) -> Result<Judgement, StoreError> {
        let mut judgement = Judgement::default();
        let chain = self.chain(store, known)?;
        for listed in &self.devices {
            let device_id = listed.address.device_id;
            let peer = store.peer(listed.address)?;
            let has_key = peer.as_ref().is_some_and(|peer| is_pinned(peer, &listed.key));
            let is_member = known.is_none_or(|known| known.devices.contains(&device_id));
            let listed = listed.clone();
            match peer {
                // What somebody unknown has sent proves no more than their certificate.
                Some(_) if has_key && known.is_some() => judgement.believed.push(listed),
                Some(_) if !has_key && is_member => judgement.changed.push(listed),
                // A person has decided.
                _ if store.is_rejected(listed.address, &listed.key)? => {}
                Some(peer) if !has_key && peer.trust != Trust::Changed => {
                    judgement.refused.push((listed, AdmissionError::NumberTaken));
                }
                _ => match chain.verdict(&listed) {
                    Ok(()) => judgement.believed.push(listed),
                    Err(error) => judgement.refused.push((listed, error)),
                },
            }
        }
        let was_theirs = |former: &&Listed| chain.verdict(former).is_ok();
        judgement.former = self.former.iter().filter(was_theirs).cloned().collect();
        Ok(judgement)
    }

    /// Follows the admissions from those who are believed.
    fn chain(&self, store: &dyn Store, known: Option<&Contact>) -> Result<Chain, StoreError> {
        let mut chain = match known {
            Some(known) => self.those_who_are_known(store, known)?,
            None => self.the_first(),
        };
        let mut open: Vec<&Listed> = self.devices.iter().chain(&self.former).collect();
        loop {
            let before = open.len();
            open.retain(|listed| {
                let judged = chain.judge(listed);
                let waits = matches!(judged, Err(AdmissionError::Stranger(_)));
                if judged.is_ok() {
                    chain.keys.entry(listed.address.device_id).or_insert(listed.key);
                }
                waits
            });
            if open.len() == before {
                return Ok(chain);
            }
        }
    }

    /// A known handle's devices, and those that are known to be out.
    fn those_who_are_known(&self, store: &dyn Store, known: &Contact) -> Result<Chain, StoreError> {
        let mut chain = Chain::default();
        for device_id in &known.devices {
            let address = Address { service_id: self.service_id, device_id: *device_id };
            let peer = store.peer(address)?.filter(|peer| peer.trust != Trust::Changed);
            chain.keys.extend(peer.map(|peer| (*device_id, peer.identity_key)));
        }
        for former in &self.former {
            let device_id = former.address.device_id;
            let peer = store.peer(former.address)?;
            let was_theirs = peer.is_some_and(|peer| is_pinned(&peer, &former.key));
            if was_theirs && !known.devices.contains(&device_id) {
                chain.out.push(device_id);
            }
        }
        Ok(chain)
    }

    /// The device of a handle that nobody had to admit.
    fn the_first(&self) -> Chain {
        let all = self.devices.iter().chain(&self.former);
        let first = all.min_by_key(|it| (it.admission.is_some(), it.address.device_id.get()));
        let keys = first.map(|first| (first.address.device_id, first.key)).into_iter().collect();
        Chain { keys, out: Vec::new() }
    }
}

/// Who is believed so far, and whose word counts no more.
#[derive(Default)]
struct Chain {
    keys: BTreeMap<DeviceId, IdentityKey>,
    out: Vec<DeviceId>,
}

impl Chain {
    /// Whether somebody is believed, once the chain is complete.
    fn verdict(&self, listed: &Listed) -> Result<(), AdmissionError> {
        match self.keys.get(&listed.address.device_id) {
            Some(key) if *key == listed.key => Ok(()),
            _ => self.judge(listed),
        }
    }

    /// Whether one of those who are believed by now has admitted somebody.
    fn judge(&self, listed: &Listed) -> Result<(), AdmissionError> {
        let Address { service_id, device_id } = listed.address;
        let bytes = listed.admission.as_ref().ok_or(AdmissionError::Missing)?;
        let admission = Admission::parse(&bytes.0)?;
        if self.out.contains(&admission.by) {
            return Err(AdmissionError::Former(admission.by));
        }
        let stranger = AdmissionError::Stranger(admission.by);
        let key = self.keys.get(&admission.by).filter(|_| admission.by != device_id);
        let key = key.ok_or(stranger)?;
        if verify::admission(key, service_id, device_id, &listed.key, &admission) {
            Ok(())
        } else {
            Err(AdmissionError::Forged(admission.by))
        }
    }
}

/// Whether a peer has this key and no decision waits.
pub(crate) fn is_pinned(peer: &Peer, key: &IdentityKey) -> bool {
    peer.identity_key == *key && peer.trust != Trust::Changed
}

fn named(
    handle: &Handle,
    answered: &Handle,
    service_id: ServiceId,
) -> Result<ServiceId, BundleError> {
    if answered == handle {
        Ok(service_id)
    } else {
        Err(BundleError::WrongIdentity(handle.clone()))
    }
}

/// A device's key, certified under the root.
fn certified(
    root: &IdentityKey,
    handle: &Handle,
    address: Address,
    key: &Base64Bytes,
    certificate: &Base64Bytes,
) -> Result<IdentityKey, BundleError> {
    let key = IdentityKey::parse(&key.0)?;
    let certified = certificate::validate_chain(&certificate.0, root)
        .ok_or_else(|| BundleError::Certificate(handle.clone()))?;
    if certified.owner == address && certified.key == key {
        Ok(key)
    } else {
        Err(BundleError::CertificateOfAnother(handle.clone()))
    }
}

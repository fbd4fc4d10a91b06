//! Opening sessions from a directory's bundle.

use libsignal_protocol::{
    PreKeyBundle, PublicKey, SessionRecord, SessionUsabilityRequirements, SignalProtocolError, kem,
    process_prekey_bundle,
};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Address, Handle, Timestamp,
    rest::{Bundle, DeviceBundle},
};

use crate::{
    Device, certificate,
    device::{protocol_address, system_time},
    key::{IdentityKey, InvalidKey, canonical},
    overlay::{Overlay, OverlayError},
    store::{Contact, Peer, Store, StoreError, Trust},
};

/// A bundle that must not be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The certificate does not chain to the pinned root, or is not for this device and key.
    #[error("the certificate in {0}'s bundle is not theirs under the pinned trust root")]
    Certificate(Handle),
    /// The handle was bound to another identity when it was first seen.
    #[error("{0} is now bound to another identity than the one first seen")]
    HandleMoved(Handle),
    /// The device has another key than the one first seen.
    #[error("{0} has another identity key than the one first seen; accept or reject it")]
    IdentityChanged(Handle),
    /// A key is malformed or of low order.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// There is no device in it that could be used.
    #[error("{0}'s bundle has no usable device")]
    NoDevice(Handle),
    /// libsignal refused, for example a signature.
    #[error("{0}'s prekeys are refused: {1}")]
    Signal(Handle, SignalProtocolError),
    /// The bundle is for somebody else.
    #[error("the directory sent another bundle than {0}'s")]
    WrongIdentity(Handle),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Device {
    /// Whether every known device of a handle can be sealed to.
    pub fn is_ready_for(
        &self,
        store: &dyn Store,
        handle: &Handle,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(contact) = store.contact(handle)? else { return Ok(false) };
        for device_id in contact.devices {
            let peer = Address { service_id: contact.service_id, device_id };
            if !has_usable_session(store, peer, now)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Pins who a handle is, without opening a session.
    pub fn accept_contact(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<(), BundleError> {
        self.pin(store, now, handle, bundle).map(|_| ())
    }

    /// Checks a bundle and opens a session with each of its devices that has none.
    pub fn accept_bundle<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<(), BundleError> {
        for (peer, key, device) in self.pin(store, now, handle, bundle)? {
            if !has_usable_session(store, peer, now)? {
                self.open_session(store, rng, now, handle, peer, key, device)?;
            }
        }
        Ok(())
    }

    /// Checks certificates and pins, and returns the devices that may be used.
    fn pin<'b>(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &'b Bundle,
    ) -> Result<Vec<(Address, IdentityKey, &'b DeviceBundle)>, BundleError> {
        if bundle.identity != *handle || bundle.service_id == self.address.service_id {
            return Err(BundleError::WrongIdentity(handle.clone()));
        }
        let known = store.contact(handle)?;
        if known.as_ref().is_some_and(|known| known.service_id != bundle.service_id) {
            return Err(BundleError::HandleMoved(handle.clone()));
        }
        let mut usable = Vec::new();
        for device in &bundle.devices {
            let peer = Address { service_id: bundle.service_id, device_id: device.device_id };
            // A further device needs a statement by an enrolled one, which this version does not
            // read: only the first is believed, and later only those that were believed before.
            let admitted = known
                .as_ref()
                .map_or(usable.is_empty(), |known| known.devices.contains(&device.device_id));
            if admitted {
                usable.push((peer, self.pin_device(store, now, handle, bundle, device)?, device));
            }
        }
        if usable.is_empty() {
            return Err(BundleError::NoDevice(handle.clone()));
        }
        let devices = usable.iter().map(|(peer, _, _)| peer.device_id).collect();
        let candidate = known.and_then(|known| known.candidate);
        let contact = Contact { service_id: bundle.service_id, devices, candidate };
        store.put_contact(handle, &contact)?;
        Ok(usable)
    }

    fn pin_device(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
        device: &DeviceBundle,
    ) -> Result<IdentityKey, BundleError> {
        let (peer, key) = certified_device(&self.trust_root, handle, bundle, device)?;
        let registration_id = device.registration_id;
        let pinned = match store.peer(peer)? {
            None => Peer {
                identity_key: key,
                trust: Trust::Pinned,
                candidate: None,
                registration_id,
                first_seen: now,
            },
            Some(known) if known.identity_key == key && known.trust != Trust::Changed => {
                Peer { registration_id, ..known }
            }
            Some(_) => return Err(BundleError::IdentityChanged(handle.clone())),
        };
        store.put_peer(peer, &pinned)?;
        Ok(key)
    }

    #[expect(clippy::too_many_arguments, reason = "one step of one caller")]
    fn open_session<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
        peer: Address,
        key: IdentityKey,
        device: &DeviceBundle,
    ) -> Result<(), BundleError> {
        let refused = |error| BundleError::Signal(handle.clone(), error);
        let bundle = signal_bundle(key, device)?.map_err(refused)?;
        let address = protocol_address(peer)?;
        let identity = Some(key.to_signal()?);
        let overlay = Overlay::new(store, &self.identity, self.registration_id, peer, identity);
        let (mut sessions, mut identities) = (overlay.view(), overlay.view());
        let outcome = overlay.run(process_prekey_bundle(
            &address,
            &mut sessions,
            &mut identities,
            &bundle,
            system_time(now),
            rng,
        ));
        outcome.map_err(|error| match error {
            OverlayError::Signal(error) => refused(error),
            OverlayError::Store(error) => BundleError::Store(error),
        })?;
        let diff = overlay.into_diff();
        diff.apply(store, peer)?;
        Ok(())
    }
}

/// A device of a bundle and its key, certified under the root.
pub(crate) fn certified_device(
    root: &IdentityKey,
    handle: &Handle,
    bundle: &Bundle,
    device: &DeviceBundle,
) -> Result<(Address, IdentityKey), BundleError> {
    let address = Address { service_id: bundle.service_id, device_id: device.device_id };
    let key = IdentityKey::parse(&device.identity_key.0)?;
    certificate::validate_chain(&device.certificate.0, root)
        .filter(|certified| certified.owner == address && certified.key == key)
        .map(|_| (address, key))
        .ok_or_else(|| BundleError::Certificate(handle.clone()))
}

/// Whether a message can be sealed now, on a session with the post-quantum ratchet.
pub(crate) fn has_usable_session(
    store: &dyn Store,
    peer: Address,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(record) = store.session(peer)? else { return Ok(false) };
    let wanted = SessionUsabilityRequirements::NotStale
        | SessionUsabilityRequirements::EstablishedWithPqxdh
        | SessionUsabilityRequirements::Spqr;
    // A record that cannot be read is as good as none: the next bundle replaces it.
    Ok(SessionRecord::deserialize(&record)
        .and_then(|record| record.has_usable_sender_chain(system_time(now), wanted))
        .unwrap_or(false))
}

fn signal_bundle(
    key: IdentityKey,
    device: &DeviceBundle,
) -> Result<Result<PreKeyBundle, SignalProtocolError>, InvalidKey> {
    let one_time = match &device.one_time_prekey {
        Some(prekey) => Some((prekey.id.into(), canonical(&prekey.public_key.0)?)),
        None => None,
    };
    let signed = canonical(&device.signed_prekey.public_key.0)?;
    let identity = key.to_signal()?;
    Ok(assemble(identity, device, one_time, signed))
}

fn assemble(
    identity: libsignal_protocol::IdentityKey,
    device: &DeviceBundle,
    one_time: Option<(libsignal_protocol::PreKeyId, PublicKey)>,
    signed: PublicKey,
) -> Result<PreKeyBundle, SignalProtocolError> {
    let number = u32::from(device.device_id.get());
    let device_id = libsignal_protocol::DeviceId::try_from(number)
        .map_err(|_| SignalProtocolError::InvalidArgument("device id".into()))?;
    let kyber = kem::PublicKey::deserialize(&device.kyber_prekey.public_key.0)?;
    if kyber.key_type() != kem::KeyType::Kyber1024 {
        return Err(SignalProtocolError::InvalidArgument("not a Kyber1024 key".into()));
    }
    PreKeyBundle::new(
        device.registration_id,
        device_id,
        one_time,
        device.signed_prekey.id.into(),
        signed,
        device.signed_prekey.signature.0.clone(),
        device.kyber_prekey.id.into(),
        kyber,
        device.kyber_prekey.signature.0.clone(),
        identity,
    )
}

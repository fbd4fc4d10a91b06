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
    Device,
    admission::Refusal,
    device::{protocol_address, system_time},
    key::{IdentityKey, InvalidKey, canonical},
    listing::Listing,
    overlay::{Overlay, OverlayError},
    store::{Store, StoreError},
};

/// A bundle that must not be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The certificate does not chain to the pinned root.
    #[error("the certificate in {0}'s bundle is not under the pinned trust root")]
    Certificate(Handle),
    /// The certificate is for another device, or for another key of it.
    #[error("the certificate in {0}'s bundle is for another device or another key")]
    CertificateOfAnother(Handle),
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
    #[error("{0} has no device that could be used")]
    NoDevice(Handle),
    /// libsignal refused, for example a signature.
    #[error("{0}'s prekeys are refused: {1}")]
    Signal(Handle, SignalProtocolError),
    /// The answer is about somebody else, or about this device's own identity.
    #[error("the directory sent others' devices than {0}'s")]
    WrongIdentity(Handle),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which of a handle's devices a message can be sealed to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Every known one.
    All,
    /// Some, and others have no session.
    Some,
    /// None.
    #[default]
    None,
}

impl Device {
    /// Whether every known device of a handle can be sealed to.
    pub fn is_ready_for(
        &self,
        store: &dyn Store,
        handle: &Handle,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.readiness(store, handle, now)? == Readiness::All)
    }

    /// How many of a handle's devices can be sealed to.
    pub fn readiness(
        &self,
        store: &dyn Store,
        handle: &Handle,
        now: Timestamp,
    ) -> Result<Readiness, StoreError> {
        let Some(contact) = store.contact(handle)? else { return Ok(Readiness::None) };
        let mut ready = 0;
        for device_id in &contact.devices {
            let peer = Address { service_id: contact.service_id, device_id: *device_id };
            ready += usize::from(has_usable_session(store, peer, now)?);
        }
        Ok(match ready {
            0 => Readiness::None,
            all if all == contact.devices.len() => Readiness::All,
            _ => Readiness::Some,
        })
    }

    /// Pins who a handle is, without opening a session. Returns the devices that are not believed.
    pub fn accept_contact(
        &self,
        store: &mut dyn Store,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<Vec<Refusal>, BundleError> {
        let listing = Listing::of_bundle(&self.trust_root, handle, bundle)?;
        self.believe(store, now, handle, &listing)
    }

    /// Checks a bundle and opens a session with each of its devices that has none and is believed.
    /// Returns those that are not.
    pub fn accept_bundle<R: Rng + CryptoRng>(
        &self,
        store: &mut dyn Store,
        rng: &mut R,
        now: Timestamp,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<Vec<Refusal>, BundleError> {
        let listing = Listing::of_bundle(&self.trust_root, handle, bundle)?;
        let refused = self.believe(store, now, handle, &listing)?;
        let members = store.contact(handle)?.map_or_else(Vec::new, |contact| contact.devices);
        for (listed, device) in listing.devices.iter().zip(&bundle.devices) {
            let peer = listed.address;
            if members.contains(&peer.device_id) && !has_usable_session(store, peer, now)? {
                self.open_session(store, rng, now, handle, peer, listed.key, device)?;
            }
        }
        Ok(refused)
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

//! One Signal device.

use std::time::{Duration, SystemTime};

use libsignal_protocol::{IdentityKeyPair, ProtocolAddress};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{Address, DeviceId, Handle, ServiceId, Timestamp};
use zeroize::Zeroizing;

use crate::{
    archive, backend, certificate,
    key::IdentityKey,
    store::{LocalDevice, Store, StoreError},
};

/// libsignal's registration ids have 14 bits; the official clients stop here.
pub(crate) const REGISTRATION_ID_MAX: u32 = 16_380;

/// A device: its keys and its name. Everything that changes is in the store, so that a rolled
/// back transaction takes nothing with it that the device would still believe in.
pub struct Device {
    pub(crate) handle: Handle,
    pub(crate) address: Address,
    pub(crate) registration_id: u32,
    pub(crate) identity: IdentityKeyPair,
    pub(crate) trust_root: IdentityKey,
    pub(crate) certificates: certificate::Known,
}

/// A device could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The stored device is damaged.
    #[error("the stored device is damaged: its {0} is not valid")]
    Damaged(&'static str),
    /// The stored device has another handle or number.
    #[error("this store belongs to the device {found}, not to {wanted}")]
    OtherDevice {
        /// What is stored.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The stored device is of another identity than the handle's further devices are to be.
    #[error("this store's device {0} has another service id than the device that admits it")]
    OtherServiceId(Handle),
    /// The stored device trusts another root.
    #[error("this store's devices trust another root than the one given")]
    OtherRoot,
    /// The given root is not a key.
    #[error("the trust root is not a valid key")]
    Root,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Device {
    /// Opens the store's device, or makes one with new keys if there is none. Sessions that were
    /// written by other CPU code are retired.
    pub fn open<R: Rng + CryptoRng>(
        store: &mut dyn Store,
        rng: &mut R,
        handle: &Handle,
        device_id: DeviceId,
        trust_root: &[u8],
    ) -> Result<Self, DeviceError> {
        let service_id = ServiceId::from_random(rng.random());
        let address = Address { service_id, device_id };
        Self::open_or_make(store, rng, handle, address, trust_root)
    }

    /// The same for a further device, which has the service id of its handle.
    pub fn open_further<R: Rng + CryptoRng>(
        store: &mut dyn Store,
        rng: &mut R,
        handle: &Handle,
        address: Address,
        trust_root: &[u8],
    ) -> Result<Self, DeviceError> {
        let device = Self::open_or_make(store, rng, handle, address, trust_root)?;
        if device.address.service_id != address.service_id {
            return Err(DeviceError::OtherServiceId(handle.clone()));
        }
        Ok(device)
    }

    fn open_or_make<R: Rng + CryptoRng>(
        store: &mut dyn Store,
        rng: &mut R,
        handle: &Handle,
        address: Address,
        trust_root: &[u8],
    ) -> Result<Self, DeviceError> {
        let root = IdentityKey::parse(trust_root).map_err(|_| DeviceError::Root)?;
        let mut local = match store.local()? {
            Some(local) => local,
            None => new_local(rng, handle, address, trust_root),
        };
        let wanted = format!("{handle}.{}", address.device_id);
        let found = format!("{}.{}", local.handle, local.address.device_id);
        if found != wanted {
            return Err(DeviceError::OtherDevice { found, wanted });
        }
        if local.trust_root != root.as_bytes() {
            return Err(DeviceError::OtherRoot);
        }
        if local.backend != backend::tag() {
            backend::tag().clone_into(&mut local.backend);
            store.retire_sessions(&|record| archive::retire(record).ok())?;
        }
        store.put_local(&local)?;
        Self::from_local(&local)
    }

    fn from_local(local: &LocalDevice) -> Result<Self, DeviceError> {
        let identity = IdentityKeyPair::try_from(local.identity_key_pair.as_slice())
            .map_err(|_| DeviceError::Damaged("identity key"))?;
        let trust_root =
            IdentityKey::parse(&local.trust_root).map_err(|_| DeviceError::Damaged("root"))?;
        Ok(Self {
            handle: local.handle.clone(),
            address: local.address,
            registration_id: local.registration_id,
            identity,
            trust_root,
            certificates: certificate::Known::default(),
        })
    }

    /// Its handle.
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Its mailbox.
    pub fn mailbox(&self) -> sysmaint_protocol::subject::Mailbox {
        sysmaint_protocol::subject::Mailbox::new(self.handle.clone(), self.address.device_id)
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { handle, address, .. } = self;
        formatter
            .debug_struct("Device")
            .field("handle", handle)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

fn new_local<R: Rng + CryptoRng>(
    rng: &mut R,
    handle: &Handle,
    address: Address,
    trust_root: &[u8],
) -> LocalDevice {
    let identity = IdentityKeyPair::generate(rng);
    LocalDevice {
        handle: handle.clone(),
        address,
        registration_id: rng.random_range(1..=REGISTRATION_ID_MAX),
        identity_key_pair: Zeroizing::new(identity.serialize().into_vec()),
        trust_root: trust_root.to_vec(),
        certificate: None,
        certificate_expires_at: Timestamp::default(),
        token: None,
        next_prekey_id: rng.random_range(1..=0x00ff_ffff),
        registered_as: 0,
        renewed_at: Timestamp::default(),
        backend: backend::tag().to_owned(),
    }
}

/// The stored part of the device.
pub(crate) fn local(store: &dyn Store) -> Result<LocalDevice, StoreError> {
    store.local()?.ok_or_else(|| StoreError("the device has vanished from its store".into()))
}

/// libsignal's name for an address.
pub(crate) fn protocol_address(address: Address) -> Result<ProtocolAddress, StoreError> {
    let device = libsignal_protocol::DeviceId::try_from(u32::from(address.device_id.get()));
    let device = device.map_err(|_| StoreError("a device number out of range".into()))?;
    Ok(ProtocolAddress::new(address.service_id.to_string(), device))
}

/// libsignal's clock.
pub(crate) fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(now.as_millis())
}

//! Further devices of one's own handle: which there are, and admitting one.

use sysmaint_bus::DirectoryError;
use sysmaint_device::{
    AdmitError, Device, DeviceError,
    key::{IdentityKey, InvalidKey},
};
use sysmaint_protocol::{
    Address, Base64Bytes, DeviceId, Handle, Timestamp,
    rest::{AdmitRequest, Roster},
};
use sysmaint_store::{Store, Tx};

use crate::{Endpoint, StartError};

/// A further device was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum FurtherError {
    /// The admission could not be given.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// The directory did not take it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Makes the keys of a further device, before another one has admitted it and it can be started;
/// the key that is to be admitted. A store that has them keeps them.
pub async fn make_further(
    store: &Store,
    handle: &Handle,
    address: Address,
    trust_root: &[u8],
) -> Result<IdentityKey, StartError> {
    let (handle, trust_root) = (handle.clone(), trust_root.to_vec());
    let made = store.write(move |tx: &Tx<'_>| -> Result<IdentityKey, StartError> {
        let (mut store, mut rng) = (tx.device(&handle)?, rand::rng());
        let device = Device::open_further(&mut store, &mut rng, &handle, address, &trust_root)?;
        Ok(device.identity_key().map_err(|_| DeviceError::Damaged("identity key"))?)
    });
    Ok(made.await?)
}

impl Endpoint {
    /// The directory's list of this handle's own devices.
    pub async fn own_devices(&self) -> Result<Roster, DirectoryError> {
        self.inner.directory.devices(self.handle(), self.handle()).await
    }

    /// This device's public identity key.
    pub fn identity_key(&self) -> Result<IdentityKey, InvalidKey> {
        self.inner.device.identity_key()
    }

    /// Signs for a further device of this handle, and hands that in; until when the device may
    /// register.
    pub async fn admit(
        &self,
        device_id: DeviceId,
        identity_key: &IdentityKey,
    ) -> Result<Timestamp, FurtherError> {
        let admission = self.inner.device.admit(&mut rand::rng(), device_id, identity_key)?;
        let request = AdmitRequest {
            further_device_id: device_id,
            identity_key: Base64Bytes(identity_key.as_bytes().to_vec()),
            admission: Base64Bytes(admission.to_bytes()),
        };
        Ok(self.inner.directory.admit(&self.mailbox(), &request).await?.expires_at)
    }
}

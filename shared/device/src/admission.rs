//! One device's word for a further one under its handle.

use rand::{CryptoRng, Rng};
use sysmaint_protocol::{Admission, DeviceId, Handle, InvalidAdmission};

use crate::{Device, key::IdentityKey};

/// An admission could not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// A device cannot speak for itself.
    #[error("device {0} is this one: a further device needs another number")]
    OwnNumber(DeviceId),
    /// Signing failed.
    #[error("the admission could not be signed")]
    Signing,
}

/// Why a further device of a handle is not believed. Nothing is sealed to it, and what it sends
/// is held until people decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// By a device that was revoked before.
    #[error("its admission is by device {0}, which was revoked")]
    Former(DeviceId),
    /// Not by the key of the device that it names.
    #[error("its admission is not by the key of device {0}")]
    Forged(DeviceId),
    /// Not an admission at all.
    #[error("its admission cannot be read: {0}")]
    Invalid(#[from] InvalidAdmission),
    /// There is none.
    #[error("no other device has admitted it")]
    Missing,
    /// Another key had this number.
    #[error("its number was another device's, which was revoked")]
    NumberTaken,
    /// By a device that is not believed itself.
    #[error("its admission is by device {0}, which is not known here")]
    Stranger(DeviceId),
}

/// A device that is not believed to be the handle's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose.
    pub handle: Handle,
    /// Which.
    pub device_id: DeviceId,
    /// Why.
    pub error: AdmissionError,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { handle, device_id, error } = self;
        write!(formatter, "{handle}.{device_id} is not believed: {error}; accept or reject it")
    }
}

impl Device {
    /// Admits a further device under this one's handle and service id.
    pub fn admit<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        device_id: DeviceId,
        identity_key: &IdentityKey,
    ) -> Result<Admission, AdmitError> {
        let by = self.address.device_id;
        if by == device_id {
            return Err(AdmitError::OwnNumber(by));
        }
        let service_id = self.address.service_id;
        let statement = Admission::statement(by, service_id, device_id, identity_key.as_bytes());
        let signature = self.identity.private_key().calculate_signature(&statement, rng);
        let signature = signature.map_err(|_| AdmitError::Signing)?.into_vec();
        let signature = signature.try_into().map_err(|_| AdmitError::Signing)?;
        Ok(Admission { by, signature })
    }

    /// The device's own public identity key, which another device may admit.
    pub fn identity_key(&self) -> Result<IdentityKey, crate::key::InvalidKey> {
        IdentityKey::stored(&self.identity.identity_key().serialize())
    }
}

//! Which devices a handle has, and letting a further one in.

use serde::{Deserialize, Serialize};

use crate::{Base64Bytes, DeviceId, Handle, ServiceId, Timestamp};

/// `GET /v1/devices/{id}`: who belongs to a handle, without a prekey of anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Roster {
    /// The handle.
    pub identity: Handle,
    /// What it is bound to.
    pub service_id: ServiceId,
    /// Grows with each change of the identity.
    pub revision: u64,
    /// Its devices; none if all were revoked.
    #[cfg_attr(feature = "openapi", schema(max_items = 127))]
    pub devices: Vec<RosterDevice>,
    /// Devices that were revoked. Their keys are there for the statements that they had signed
    /// before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerDevice>,
}

/// One device of a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RosterDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its registration id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RegistrationId))]
    pub registration_id: u32,
    /// Its identity key, 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub identity_key: Base64Bytes,
    /// Its sender certificate, to be checked under the pinned root.
    pub certificate: Base64Bytes,
    /// For a further device: the statement that admits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::AdmissionBytes>))]
    pub admission: Option<Base64Bytes>,
}

/// One device that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FormerDevice {
    /// The device.
    pub device_id: DeviceId,
    /// The identity key that it had, 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub identity_key: Base64Bytes,
    /// The statement that had admitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::AdmissionBytes>))]
    pub admission: Option<Base64Bytes>,
}

/// `POST /v1/admissions`: a device lets a further one register under its handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdmitRequest {
    /// The number that the further device will have.
    pub further_device_id: DeviceId,
    /// Its identity key, 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub identity_key: Base64Bytes,
    /// The statement about it by the device that asks.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::AdmissionBytes))]
    pub admission: Base64Bytes,
}

/// The answer to an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Admitted {
    /// Until then the further device may register.
    pub expires_at: Timestamp,
}

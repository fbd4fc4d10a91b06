//! What the relay remembers, in JetStream: identities, tokens, bundles, one-time prekeys and
//! challenges. Nothing here is secret but the hashes of tokens; every bridge shares it.

use serde::{Deserialize, Serialize};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, ServiceId, Timestamp,
    rest::{SignedPrekey, Transport},
};

/// An identity and its devices: one value, changed by compare and set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What the handle is bound to.
    pub service_id: ServiceId,
    /// At least one.
    pub devices: Vec<RegisteredDevice>,
}

/// One registered device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredDevice {
    /// Its number.
    pub device_id: DeviceId,
    /// libsignal's registration id.
    pub registration_id: u32,
    /// 33 bytes.
    pub identity_key: Base64Bytes,
    /// How it reads its mailbox.
    pub transport: Transport,
    /// SHA-256 of its bearer token, hexadecimal.
    pub token_hash: String,
    /// Its sender certificate, issued last.
    pub certificate: Base64Bytes,
    /// The statement that admits a further device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Base64Bytes>,
    /// When it was first registered.
    pub registered_at: Timestamp,
}

/// The prekeys of a device that are served more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingPrekeys {
    /// Signed EC prekey.
    pub signed_prekey: SignedPrekey,
    /// Last-resort Kyber prekey.
    pub last_resort_kyber_prekey: SignedPrekey,
}

//! The relay's documented types: JSON over HTTP, and the same JSON in directory requests on NATS.
//!
//! Every byte string is standard base64 with padding; every time is RFC 3339 in UTC.

mod roster;
mod stock;

use serde::{Deserialize, Serialize};

pub use roster::{AdmitRequest, Admitted, FormerDevice, Roster, RosterDevice};
pub use stock::{PrekeyStock, standing_digest};

use crate::{Base64Bytes, DeviceId, Handle, NatsLogin, ServiceId, Timestamp, TransferId};

/// What a registration signs before everything else.
pub const REGISTER_CONTEXT: &[u8] = b"sysmaint-register-v1";

/// How a device reads its mailbox, fixed at registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Beside the server: a durable consumer of its own.
    Nats,
    /// Anywhere else: HTTP and WebSocket through a bridge.
    Relay,
}

/// `POST /v1/register/challenge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeRequest {
    /// The handle to be registered.
    pub identity: Handle,
    /// Its device.
    pub device_id: DeviceId,
}

/// A nonce that one registration may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// 32 random bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Nonce))]
    pub nonce: Base64Bytes,
    /// After this it is worthless.
    pub expires_at: Timestamp,
}

/// `POST /v1/register`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// The handle.
    pub identity: Handle,
    /// The UUID that it is bound to.
    pub service_id: ServiceId,
    /// The device.
    pub device_id: DeviceId,
    /// libsignal's registration id, 1 to 16 383.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RegistrationId))]
    pub registration_id: u32,
    /// The device's identity key, 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub identity_key: Base64Bytes,
    /// How it will read its mailbox.
    pub transport: Transport,
    /// The challenge's nonce.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Nonce))]
    pub nonce: Base64Bytes,
    /// XEdDSA by the identity key over `signed_bytes`: context, nonce, handle, ids and key.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Signature))]
    pub signature: Base64Bytes,
    /// A one-time code, where the relay asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For a further device: the statement of an enrolled one. Absent where that one has handed it
    /// in itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::AdmissionBytes>))]
    pub admission: Option<Base64Bytes>,
    /// For the transport `nats` without an entry in the server's configuration: how the device
    /// will log in. Absent in a repeated registration, what was said before stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsLogin>,
}

impl RegisterRequest {
    /// What the signature covers: context, 0x00, nonce, handle with its length in one byte,
    /// service id, device id, registration id (u32, big-endian), identity key; and if `nats` is
    /// there, its user and its inbox, each with its length in one byte.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = REGISTER_CONTEXT.to_vec();
        bytes.push(0);
        bytes.extend_from_slice(&self.nonce.0);
        let handle = self.identity.as_str().as_bytes();
        bytes.push(u8::try_from(handle.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(handle);
        bytes.extend_from_slice(self.service_id.as_bytes());
        bytes.push(self.device_id.get());
        bytes.extend_from_slice(&self.registration_id.to_be_bytes());
        bytes.extend_from_slice(&self.identity_key.0);
        if let Some(login) = &self.nats {
            login.sign_into(&mut bytes);
        }
        bytes
    }
}

/// The answer to a registration: 201, or 200 for a key that was registered before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Registered {
    /// The device's bearer token for HTTP and WebSocket; the relay keeps only its hash. Never in
    /// an answer over NATS, where the broker itself says who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The device's sender certificate.
    pub certificate: Base64Bytes,
    /// The root that certificates chain to, to be compared with the pinned one.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub trust_root: Base64Bytes,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { token: _, certificate: _, trust_root: _ } = self;
        formatter.debug_struct("Registered").finish_non_exhaustive()
    }
}

/// A one-time EC prekey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Prekey {
    /// Its id, 1 to 2²⁴ − 1.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PrekeyId))]
    pub id: u32,
    /// 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub public_key: Base64Bytes,
}

/// A prekey with the owner's signature: signed EC, one-time Kyber or last-resort Kyber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "An EC prekey with the owner's signature."))]
pub struct SignedPrekey {
    /// Its id, 1 to 2²⁴ − 1.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PrekeyId))]
    pub id: u32,
    /// 33 bytes; of a Kyber prekey 1569.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub public_key: Base64Bytes,
    /// 64 bytes, by the identity key.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Signature))]
    pub signature: Base64Bytes,
}

/// `POST /v1/prekeys`. The signed and the last-resort prekey replace their predecessors;
/// one-time prekeys are added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrekeyUpload {
    /// The current signed prekey.
    pub signed_prekey: SignedPrekey,
    /// The current last-resort Kyber prekey.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::KyberPrekey))]
    pub last_resort_kyber_prekey: SignedPrekey,
    /// New one-time EC prekeys.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub one_time_prekeys: Vec<Prekey>,
    /// New one-time Kyber prekeys.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Vec<crate::openapi::KyberPrekey>, max_items = 100)
    )]
    pub one_time_kyber_prekeys: Vec<SignedPrekey>,
}

/// How many one-time prekeys the directory holds for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrekeyCount {
    /// EC.
    pub one_time_prekeys: u32,
    /// Kyber.
    pub one_time_kyber_prekeys: u32,
}

/// `GET /v1/prekeys/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bundle {
    /// The handle.
    pub identity: Handle,
    /// What it is bound to.
    pub service_id: ServiceId,
    /// Its devices.
    pub devices: Vec<DeviceBundle>,
}

/// What is needed to open a session with one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceBundle {
    /// The device.
    pub device_id: DeviceId,
    /// Its registration id.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RegistrationId))]
    pub registration_id: u32,
    /// Its identity key, 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub identity_key: Base64Bytes,
    /// Its sender certificate, to be checked under the pinned root before first use.
    pub certificate: Base64Bytes,
    /// For a further device: the statement that admits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::AdmissionBytes>))]
    pub admission: Option<Base64Bytes>,
    /// Its signed prekey.
    pub signed_prekey: SignedPrekey,
    /// A one-time Kyber prekey, or the last-resort one where the pool is empty.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::KyberPrekey))]
    pub kyber_prekey: SignedPrekey,
    /// A one-time EC prekey; absent where the pool is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_prekey: Option<Prekey>,
}

/// A directory request on NATS: the broker vouches for the handle, the payload names the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromDevice<T> {
    /// Which of the requester's devices asks.
    pub device_id: DeviceId,
    /// What the same request carries over HTTP.
    #[serde(flatten)]
    pub request: T,
}

/// A request that says nothing but who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// `POST /v1/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendRequest {
    /// The recipient.
    pub to: Handle,
    /// One envelope for each of the recipient's devices.
    #[cfg_attr(feature = "openapi", schema(max_items = 127))]
    pub messages: Vec<OutgoingMessage>,
}

/// One envelope for one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutgoingMessage {
    /// Random; the same on each retry of the same bytes.
    pub id: TransferId,
    /// The device that it is for.
    pub device_id: DeviceId,
    /// That device's registration id, as the sender knows it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RegistrationId))]
    pub registration_id: u32,
    /// The sealed message.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SealedEnvelope))]
    pub envelope: Base64Bytes,
}

/// 202 to `POST /v1/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendAccepted {
    /// What is stored now.
    pub accepted: Vec<AcceptedMessage>,
}

/// One stored envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AcceptedMessage {
    /// For this device.
    pub device_id: DeviceId,
    /// The id that it was sent with.
    pub id: TransferId,
}

/// 409 to `POST /v1/messages`: the sender's list of devices is not the recipient's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MismatchedDevices {
    /// Not addressed, but there.
    pub missing_devices: Vec<DeviceId>,
    /// Addressed, but not there.
    pub extra_devices: Vec<DeviceId>,
}

/// 410 to `POST /v1/messages`: devices that were registered anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaleDevices {
    /// Whose sessions are worthless.
    pub stale_devices: Vec<DeviceId>,
}

/// `GET /v1/certificate/delivery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryCertificate {
    /// The sender certificate.
    pub certificate: Base64Bytes,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// `GET /v1/certificate/root`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrustRoot {
    /// 33 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::PublicKey))]
    pub trust_root: Base64Bytes,
}

/// Any error: RFC 9457, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A stable name, such as `urn:sysmaint:handle-taken`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(format = "uri", example = "urn:sysmaint:handle-taken"))]
    pub kind: String,
    /// The same in words.
    #[cfg_attr(feature = "openapi", schema(example = "The handle belongs to another key"))]
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599, example = 409))]
    pub status: u16,
    /// What happened this time and what to do.
    pub detail: String,
}

//! How far the agent's identity is known.

use serde::Serialize;
use sysmaint_protocol::DeviceId;
use utoipa::ToSchema;

/// One of the agent's devices, as alice's device knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safety {
    /// Which of the agent's devices.
    pub device_id: DeviceId,
    /// How its key stands.
    pub key: Key,
    /// Of the key that is pinned.
    pub number: SafetyNumber,
    /// Of the key that waits for a decision.
    pub changed: Option<SafetyNumber>,
}

/// How an identity key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SafetyKey)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// Another one was seen since; nothing is sent before somebody decides.
    Changed,
    /// Kept from the first message on, and not compared.
    Pinned,
    /// People have compared the numbers.
    Verified,
}

/// What two people compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetyNumber {
    /// Twelve groups of five digits.
    pub groups: Vec<String>,
    /// The content of the QR code.
    pub scannable: Vec<u8>,
}

//! Bytes in JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Bytes that JSON carries as standard base64 with padding (RFC 4648, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base64Bytes(pub Vec<u8>);

/// The text is not standard base64 with padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not standard base64 with padding")]
pub struct InvalidBase64;

impl TryFrom<String> for Base64Bytes {
    type Error = InvalidBase64;

    fn try_from(text: String) -> Result<Self, InvalidBase64> {
        STANDARD.decode(text).map(Self).map_err(|_| InvalidBase64)
    }
}

impl From<Base64Bytes> for String {
    fn from(bytes: Base64Bytes) -> Self {
        STANDARD.encode(bytes.0)
    }
}

impl From<Vec<u8>> for Base64Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Base64Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

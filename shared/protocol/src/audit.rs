//! What a relay's audit and its anchors are made of: a bridge's id, a row's hash, and the anchor
//! that a bridge leaves with the broker.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Timestamp;

macro_rules! hexadecimal {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = NotHexadecimal;

            fn from_str(text: &str) -> Result<Self, NotHexadecimal> {
                let mut bytes = [0; $bytes];
                let digits = 2 * $bytes;
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotHexadecimal { digits })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotHexadecimal;

            fn try_from(text: String) -> Result<Self, NotHexadecimal> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

hexadecimal! {
    /// Names one bridge's audit: 128 random bits, made with its file. As text 32 hexadecimal
    /// digits.
    BridgeId, 16
}

hexadecimal! {
    /// SHA-256: of an audit's row, or of an envelope. As text 64 hexadecimal digits.
    Digest, 32
}

/// The text is not that many hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {digits} hexadecimal digits")]
pub struct NotHexadecimal {
    digits: usize,
}

/// How far a bridge's audit had come at a moment: what the broker keeps, out of reach of whoever
/// has the file. Published as JSON to [`subject::audit`](crate::subject::audit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Whose audit.
    pub bridge: BridgeId,
    /// A row's number.
    pub sequence: u64,
    /// That row's hash.
    pub hash: Digest,
    /// When this was published, by the bridge's clock.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_a_line_of_json() {
        let anchor = Anchor {
            bridge: BridgeId::from_bytes([0xab; 16]),
            sequence: 7,
            hash: Digest::from_bytes([1; 32]),
            time: Timestamp::from_millis(1_795_426_200_000),
        };
        let json = serde_json::to_string(&anchor).unwrap();
        assert_eq!(
            json,
            format!(
                r#"{{"bridge":"{}","sequence":7,"hash":"{}","time":"2026-11-23T09:30:00Z"}}"#,
                "ab".repeat(16),
                "01".repeat(32)
            )
        );
        assert_eq!(serde_json::from_str::<Anchor>(&json).unwrap(), anchor);
    }

    #[test]
    fn text_of_another_length_is_no_digest() {
        assert!("ab".parse::<Digest>().is_err());
        assert!("zz".repeat(32).parse::<Digest>().is_err());
        assert_eq!("ab".repeat(16).parse(), Ok(BridgeId::from_bytes([0xab; 16])));
    }
}

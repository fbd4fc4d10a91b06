//! Public identity keys, checked once.

use std::fmt;

use libsignal_protocol::PublicKey;

/// A device's public identity key: 0x05 and 32 bytes of a canonical Curve25519 point of the large
/// subgroup. Low-order and non-canonical encodings, which libsignal 0.85 takes, are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityKey([u8; 33]);

/// What libsignal puts before a Curve25519 key.
const DJB: u8 = 0x05;

/// The bytes are not an acceptable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical Curve25519 public key")]
pub struct InvalidKey;

impl IdentityKey {
    /// Checks encoding and order.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKey> {
        canonical(bytes)?;
        bytes.try_into().map(Self).map_err(|_| InvalidKey)
    }

    /// Takes bytes that were checked before they were stored. The check of the order costs as much
    /// as a key agreement, and a stored key is read for every message.
    pub fn stored(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let key: [u8; 33] = bytes.try_into().map_err(|_| InvalidKey)?;
        if key[0] == DJB { Ok(Self(key)) } else { Err(InvalidKey) }
    }

    /// The 33 bytes.
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    pub(crate) fn of(key: &PublicKey) -> Result<Self, InvalidKey> {
        Self::parse(&key.serialize())
    }

    pub(crate) fn to_signal(self) -> Result<libsignal_protocol::IdentityKey, InvalidKey> {
        libsignal_protocol::IdentityKey::decode(&self.0).map_err(|_| InvalidKey)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IdentityKey").finish_non_exhaustive()
    }
}

/// A public key that arrived from outside, checked for encoding and order.
pub(crate) fn canonical(bytes: &[u8]) -> Result<PublicKey, InvalidKey> {
    // `deserialize` reads 33 bytes and ignores what follows.
    let key = PublicKey::deserialize(bytes).ok().filter(|_| bytes.len() == 33);
    key.filter(PublicKey::is_canonical).ok_or(InvalidKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rng;

    #[test]
    fn low_order_points_and_odd_lengths_are_refused() {
        let key = libsignal_protocol::KeyPair::generate(&mut rng()).public_key.serialize();
        assert!(IdentityKey::parse(&key).is_ok());
        let mut longer = key.to_vec();
        longer.push(0);
        assert!(IdentityKey::parse(&longer).is_err());
        assert!(IdentityKey::stored(&longer).is_err());
        assert_eq!(IdentityKey::stored(&key), IdentityKey::parse(&key));
        let mut zero = [0; 33];
        zero[0] = 5;
        assert!(IdentityKey::parse(&zero).is_err());
        zero[1] = 1;
        assert!(IdentityKey::parse(&zero).is_err());
        assert!(IdentityKey::parse(&[0xff; 33]).is_err());
    }
}

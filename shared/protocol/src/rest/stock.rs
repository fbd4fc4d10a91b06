//! What the directory holds of a device's prekeys.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{PrekeyCount, SignedPrekey};
use crate::Base64Bytes;

/// `GET /v1/prekeys/count`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrekeyStock {
    /// How many one-time prekeys there are.
    #[serde(flatten)]
    pub count: PrekeyCount,
    /// [`standing_digest`] of what the directory serves, by which the owner sees whether that is
    /// what it has uploaded. Absent before the first upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Digest>))]
    pub digest: Option<Base64Bytes>,
}

/// SHA-256 over the identity key (33 bytes), the signed prekey's id (u64, big-endian) and public
/// key, and the last-resort Kyber prekey's id and public key: what Signal's clients compare with
/// their server by `POST /v2/keys/check`.
pub fn standing_digest(
    identity_key: &[u8],
    signed: &SignedPrekey,
    last_resort: &SignedPrekey,
) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(identity_key);
    for prekey in [signed, last_resort] {
        digest.update(u64::from(prekey.id).to_be_bytes());
        digest.update(&prekey.public_key.0);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prekey(id: u32, byte: u8) -> SignedPrekey {
        let (public_key, signature) = (Base64Bytes(vec![byte; 33]), Base64Bytes(vec![0; 64]));
        SignedPrekey { id, public_key, signature }
    }

    #[test]
    fn whatever_is_served_in_place_of_a_prekey_changes_the_digest() {
        let (signed, kyber) = (prekey(1, 1), prekey(2, 2));
        let digest = standing_digest(&[5; 33], &signed, &kyber);
        assert_eq!(digest, standing_digest(&[5; 33], &signed.clone(), &kyber.clone()));
        for other in [
            standing_digest(&[6; 33], &signed, &kyber),
            standing_digest(&[5; 33], &prekey(3, 1), &kyber),
            standing_digest(&[5; 33], &prekey(1, 3), &kyber),
            standing_digest(&[5; 33], &signed, &prekey(3, 2)),
            standing_digest(&[5; 33], &signed, &prekey(2, 3)),
            standing_digest(&[5; 33], &kyber, &signed),
        ] {
            assert_ne!(digest, other);
        }
    }

    #[test]
    fn a_stock_reads_as_the_counts_that_older_clients_expect() {
        let count = PrekeyCount { one_time_prekeys: 3, one_time_kyber_prekeys: 4 };
        let stock = PrekeyStock { count, digest: None };
        let json = serde_json::to_value(&stock).unwrap();
        assert_eq!(json, serde_json::json!({"one_time_prekeys": 3, "one_time_kyber_prekeys": 4}));
        assert_eq!(serde_json::from_value::<PrekeyCount>(json.clone()).unwrap(), count);
        assert_eq!(serde_json::from_value::<PrekeyStock>(json).unwrap(), stock);
    }
}

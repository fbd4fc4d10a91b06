//! What two machines tell each other when a handle gets a further device.
//!
//! The enrolled one makes an [`Offer`], the further one answers with a [`Candidate`]: its number
//! and its key, which the first one then admits. Neither is a secret; what counts is that the key
//! which is admitted is the one that the other machine has, and so both show it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sysmaint_bus::RelayUrl;
use sysmaint_device::key::IdentityKey;
use sysmaint_protocol::{Address, Base64Bytes, DeviceId, Handle, ServiceId};

use crate::{
    invitation::{Fingerprint, InvalidInvitation},
    word,
};

const OFFER: &str = "sysmaint-device1.";
const CANDIDATE: &str = "sysmaint-admit1.";

/// A further device of a handle, before it has keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Further {
    pub(crate) identity: Handle,
    pub(crate) service_id: ServiceId,
    pub(crate) device_id: DeviceId,
}

/// What the further device's machine needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// The relay's bridges.
    pub(crate) relay: Vec<RelayUrl>,
    /// SHA-256 of the trust root.
    pub(crate) root: Fingerprint,
    /// Who it is to be.
    #[serde(flatten)]
    pub(crate) further: Further,
}

/// What is to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) further: Further,
    pub(crate) key: IdentityKey,
}

/// A key as two people compare it: thirty digits.
pub(crate) struct Digits([u8; 32]);

#[derive(Serialize, Deserialize)]
struct CandidateContent {
    #[serde(flatten)]
    further: Further,
    identity_key: Base64Bytes,
}

impl Further {
    pub(crate) const fn address(&self) -> Address {
        Address { service_id: self.service_id, device_id: self.device_id }
    }
}

impl fmt::Display for Further {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.identity, self.device_id)
    }
}

impl Offer {
    pub(crate) fn encode(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{OFFER}{}", word::encode(self)?))
    }

    /// `None` if the text holds none.
    pub(crate) fn find(text: &str) -> Option<Result<Self, InvalidInvitation>> {
        let word = word::find(text, OFFER)?;
        let offer = word::decode(word).filter(|offer: &Self| !offer.relay.is_empty());
        Some(offer.ok_or(InvalidInvitation::Damaged))
    }
}

impl Candidate {
    pub(crate) fn encode(&self) -> Result<String, serde_json::Error> {
        let content = CandidateContent {
            further: self.further.clone(),
            identity_key: Base64Bytes(self.key.as_bytes().to_vec()),
        };
        Ok(format!("{CANDIDATE}{}", word::encode(&content)?))
    }

    /// `None` if the text holds none that is whole.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let content: CandidateContent = word::decode(word::find(text, CANDIDATE)?)?;
        let key = IdentityKey::parse(&content.identity_key.0).ok()?;
        Some(Self { further: content.further, key })
    }

    pub(crate) fn digits(&self) -> Digits {
        Digits(Sha256::digest(self.key.as_bytes()).into())
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, chunk) in self.0.chunks_exact(5).take(6).enumerate() {
            let number = chunk.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            let space = if index == 0 { "" } else { " " };
            write!(formatter, "{space}{:05}", number % 100_000)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn further() -> Further {
        Further {
            identity: "alice".parse().unwrap(),
            service_id: ServiceId::from_bytes([7; 16]),
            device_id: DeviceId::try_from(2_u8).unwrap(),
        }
    }

    fn candidate() -> Candidate {
        // The base point: no low order, and canonical.
        let mut key = [0; 33];
        (key[0], key[1]) = (5, 9);
        Candidate { further: further(), key: IdentityKey::parse(&key).unwrap() }
    }

    #[test]
    fn offer_and_answer_are_found_in_what_is_pasted() {
        let relay = vec!["https://relay.example".parse().unwrap()];
        let offer = Offer { relay, root: Fingerprint::of(&[5; 33]), further: further() };
        let pasted = format!("echo '{}' | sysmaint join\n", offer.encode().unwrap());
        let found = Offer::find(&pasted).unwrap().unwrap();
        assert_eq!((found.relay, found.root, found.further), (offer.relay, offer.root, further()));
        assert!(Offer::find("sysmaint1.abc").is_none());
        assert!(Offer::find("sysmaint-device1.abc").unwrap().is_err());

        let line = candidate().encode().unwrap();
        assert_eq!(Candidate::find(&format!("sysmaint device admit {line}")), Some(candidate()));
        assert_eq!(Candidate::find(&line[..line.len() - 1]), None);
    }

    #[test]
    fn a_key_is_compared_in_thirty_digits() {
        let digits = candidate().digits().to_string();
        assert_eq!(digits.len(), 35);
        assert!(digits.split(' ').all(|group| group.len() == 5 && group.parse::<u32>().is_ok()));
    }
}

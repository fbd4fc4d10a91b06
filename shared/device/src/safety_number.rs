//! The number that two people compare to know that nobody stands between their devices.

use libsignal_protocol::{Fingerprint, FingerprintError, IdentityKey, ScannableFingerprint};
use sysmaint_protocol::ServiceId;

/// As Signal's own clients compute it.
const VERSION: u32 = 2;
const ITERATIONS: u32 = 5_200;
const DIGITS_A_GROUP: usize = 5;

/// Of a pair of devices; equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetyNumber {
    digits: String,
    /// What the QR code holds: both halves, ours first.
    scannable: Vec<u8>,
}

impl SafetyNumber {
    /// Of our identity and another one, each a service id and a key.
    pub(crate) fn between(
        ours: (ServiceId, &IdentityKey),
        theirs: (ServiceId, &IdentityKey),
    ) -> Result<Self, FingerprintError> {
        let number = Fingerprint::new(
            VERSION,
            ITERATIONS,
            ours.0.as_bytes(),
            ours.1,
            theirs.0.as_bytes(),
            theirs.1,
        )?;
        Ok(Self { digits: number.display_string()?, scannable: number.scannable.serialize()? })
    }

    /// 60 decimal digits, as both sides see them.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// The same in groups of five, as people read them.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        (0..self.digits.len()).step_by(DIGITS_A_GROUP).filter_map(|start| {
            self.digits.get(start..self.digits.len().min(start + DIGITS_A_GROUP))
        })
    }

    /// The bytes of the QR code that the other side scans. They differ between the two sides:
    /// each shows its own half first.
    pub fn scannable(&self) -> &[u8] {
        &self.scannable
    }

    /// Whether this is what the other side's QR code holds. Anything that is no such code is not.
    pub fn is_shown_as(&self, scanned: &[u8]) -> bool {
        let ours = ScannableFingerprint::deserialize(&self.scannable);
        ours.and_then(|ours| ours.compare(scanned)).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use libsignal_protocol::IdentityKeyPair;

    use super::*;

    fn number_and_mirror() -> (SafetyNumber, SafetyNumber) {
        let mut rng = rand::rng();
        let (one, other) =
            (IdentityKeyPair::generate(&mut rng), IdentityKeyPair::generate(&mut rng));
        let ids = [ServiceId::from_random([1; 16]), ServiceId::from_random([2; 16])];
        let ours = (ids[0], one.identity_key());
        let theirs = (ids[1], other.identity_key());
        let number = SafetyNumber::between(ours, theirs).unwrap();
        (number, SafetyNumber::between(theirs, ours).unwrap())
    }

    #[test]
    fn both_sides_read_the_same_sixty_digits() {
        let (ours, theirs) = number_and_mirror();
        assert_eq!(ours.digits(), theirs.digits());
        assert_eq!(ours.digits().len(), 60);
        assert_eq!(ours.groups().count(), 12);
        assert_eq!(ours.groups().collect::<String>(), ours.digits());
        assert_ne!(ours.scannable(), theirs.scannable());
    }
}

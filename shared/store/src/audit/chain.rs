//! Rows and how one follows from another. The bytes are documented in ARCHITECTURE.md, so that a
//! stranger can recompute them; they never change within a version of the context.

use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{
    Timestamp,
    audit::{BridgeId, Digest},
};

use super::{AuditEvent, InvalidEvent};

/// Separates a row's hash from every other use of SHA-256.
const ROW: &[u8] = b"sysmaint-audit-row-v1\0";
const GENESIS: &[u8] = b"sysmaint-audit-genesis-v1\0";

/// One row, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number: 1 for the first, then without a gap.
    pub sequence: u64,
    /// When it was written, by the bridge's clock.
    pub time: Timestamp,
    /// Which kind of event.
    pub kind: u8,
    /// The event's fields, in its kind's encoding.
    pub fields: Vec<u8>,
    /// Of all this and of the row before.
    pub hash: Digest,
}

impl AuditRow {
    /// The row of an event that follows a row with this hash.
    pub(crate) fn following(
        previous: &Digest,
        sequence: u64,
        time: Timestamp,
        event: &AuditEvent,
    ) -> Self {
        let (kind, fields) = (event.kind(), event.fields());
        let hash = hash(previous, sequence, time, kind, &fields);
        Self { sequence, time, kind, fields, hash }
    }

    /// The hash that the row would have after `previous`, were its number `sequence`.
    pub fn hash_as(&self, previous: &Digest, sequence: u64) -> Digest {
        hash(previous, sequence, self.time, self.kind, &self.fields)
    }

    /// What it says.
    pub fn event(&self) -> Result<AuditEvent, InvalidEvent> {
        AuditEvent::decode(self.kind, &self.fields)
    }
}

/// What stands in for the hash of the row before the first.
pub fn genesis(bridge: &BridgeId) -> Digest {
    let digest = Sha256::new().chain_update(GENESIS).chain_update(bridge.as_bytes()).finalize();
    Digest::from_bytes(digest.into())
}

/// SHA-256 of an envelope's bytes, as rows name one.
pub fn digest(envelope: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(envelope).into())
}

fn hash(previous: &Digest, sequence: u64, time: Timestamp, kind: u8, fields: &[u8]) -> Digest {
    let length = u32::try_from(fields.len()).unwrap_or(u32::MAX);
    let digest = Sha256::new()
        .chain_update(ROW)
        .chain_update(previous.as_bytes())
        .chain_update(sequence.to_be_bytes())
        .chain_update(time.as_millis().to_be_bytes())
        .chain_update([kind])
        .chain_update(length.to_be_bytes())
        .chain_update(fields)
        .finalize();
    Digest::from_bytes(digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hashlib from the description in ARCHITECTURE.md.
    #[test]
    fn a_stranger_who_follows_the_description_gets_these_hashes() {
        let first = genesis(&BridgeId::from_bytes([7; 16]));
        assert_eq!(first.to_string(), GENESIS_OF_SEVENS);
        let event = AuditEvent::EnvelopeAccepted { digest: digest(b"an envelope") };
        let time = Timestamp::from_millis(1_795_426_200_000);
        let row = AuditRow::following(&first, 1, time, &event);
        assert_eq!(row.hash.to_string(), FIRST_ROW);
    }

    const GENESIS_OF_SEVENS: &str =
        "62faf4971732a5b06cbef26abf4a848f6453a1ed3ee4943c64cc030c0238b927";
    const FIRST_ROW: &str = "89e50eb0939d53f0d8bbf284713bad244b9cbdcd3d5b0f77e9f82daa011fe948";
}

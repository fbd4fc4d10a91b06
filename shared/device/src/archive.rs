//! Keeping session records small.
//!
//! libsignal keeps up to 40 archived states in a record and tries a message against each of them.
//! A forged message would cost all 40, so only the newest few stay. The record's own encoding is
//! the protobuf of libsignal's `storage.proto`: field 1 the current state, field 2 each archived
//! one, newest first.

use libsignal_protocol::{PublicKey, SessionRecord, SignalProtocolError};
use prost::Message;

/// Archived states that a record keeps.
const ARCHIVED_MAX: usize = 4;

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(bytes = "vec", optional, tag = "1")]
    current: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    archived: Vec<Vec<u8>>,
}

/// Drops all but the newest archived states.
pub(crate) fn trim(record: &[u8]) -> Result<Vec<u8>, SignalProtocolError> {
    let mut parts =
        Record::decode(record).map_err(|_| SignalProtocolError::InvalidProtobufEncoding)?;
    if parts.archived.len() <= ARCHIVED_MAX {
        return Ok(record.to_vec());
    }
    parts.archived.truncate(ARCHIVED_MAX);
    let trimmed = parts.encode_to_vec();
    SessionRecord::deserialize(&trimmed)?;
    Ok(trimmed)
}

/// Archives the current state, so that the next message opens a fresh session.
pub(crate) fn retire(record: &[u8]) -> Result<Vec<u8>, SignalProtocolError> {
    let mut record = SessionRecord::deserialize(record)?;
    record.archive_current_state()?;
    trim(&record.serialize()?)
}

/// Whether the next message would be sealed under this ratchet key.
pub(crate) fn is_current(record: &[u8], key: &PublicKey) -> bool {
    SessionRecord::deserialize(record)
        .and_then(|record| record.current_ratchet_key_matches(key))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_archived_states_stay() {
        let states: Vec<Vec<u8>> = (0..9_u8).map(|index| vec![8, index]).collect();
        let record = Record { current: Some(vec![8, 4]), archived: states.clone() };
        let trimmed = Record::decode(trim(&record.encode_to_vec()).unwrap().as_slice()).unwrap();
        assert_eq!(trimmed.current, record.current);
        assert_eq!(trimmed.archived, states[..ARCHIVED_MAX]);
    }
}

//! libsignal's session record: read by our own code, narrowed, and kept small.
//!
//! A record holds a current state and up to 40 archived ones, and libsignal tries a message
//! against each of them, before it knows whether the message is authentic. Here a record is taken
//! apart, so that libsignal is shown only those states that a message may belong to
//! ([`Record`]), and what it gives back is put together again ([`Record::rejoin`]) within bounds:
//! few archived states, and few keys of skipped messages in a chain.
//!
//! The encoding is the protobuf of libsignal's `storage.proto`. A record's field 1 is the current
//! state, field 2 each archived one, newest first.

mod state;

pub(crate) use state::State;

use libsignal_protocol::{PublicKey, SessionRecord, SignalProtocolError};
use prost::Message;

/// Archived states that a record keeps. Whoever signs with a new ratchet key has it tried against
/// each, so this multiplies the cost of a forgery; see [`crate::guard::JUMP_MAX`]. An archived
/// state is needed while messages that were sealed on it are on their way: two sessions that are
/// opened from both sides at once leave one, and each repair leaves another.
pub(crate) const ARCHIVED_MAX: usize = 2;

/// Keys of skipped messages that a chain keeps, the newest ones. libsignal keeps 2000, and copies
/// all of them for each further message that is skipped.
pub(crate) const SKIPPED_MAX: usize = 128;

/// A record in parts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Record {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) current: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) archived: Vec<Vec<u8>>,
}

impl Record {
    /// Takes a record apart.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SignalProtocolError> {
        Self::decode(bytes).map_err(|_| SignalProtocolError::InvalidProtobufEncoding)
    }

    /// Reads its states, the current one first; `None` for one that cannot be read.
    pub(crate) fn states(&self) -> Vec<Option<State>> {
        self.current.iter().chain(&self.archived).map(|state| State::parse(state)).collect()
    }

    /// Takes out the states for which this is true, in the order of [`Self::states`].
    pub(crate) fn split(self, wanted: impl IntoIterator<Item = bool>) -> (Self, Self) {
        let mut wanted = wanted.into_iter();
        let mut is_wanted = || wanted.next().unwrap_or(false);
        let (current, other) = match self.current {
            Some(state) if is_wanted() => (Some(state), None),
            state => (None, state),
        };
        let (archived, others) = self.archived.into_iter().partition(|_| is_wanted());
        (Self { current, archived }, Self { current: other, archived: others })
    }

    /// Puts what libsignal made of one part together with the part that it was not shown, and
    /// keeps the whole within its bounds.
    pub(crate) fn rejoin(self, changed: &[u8]) -> Result<Vec<u8>, SignalProtocolError> {
        let Self { current: put_aside, archived: others } = self;
        let Self { current, archived: changed } = Self::parse(changed)?;
        let current = current.map(State::with_few_skipped).transpose()?;
        // Only one of them can be the current one.
        let mut archived = match put_aside {
            // A damaged one is of no use to anybody.
            Some(state) if current.is_some() => archive(state).unwrap_or_default(),
            _ => Vec::new(),
        };
        archived.extend(changed.into_iter().chain(others));
        archived.truncate(ARCHIVED_MAX);
        Ok(Self { current, archived }.encode_to_vec())
    }
}

/// A current state as libsignal archives it.
fn archive(state: Vec<u8>) -> Result<Vec<Vec<u8>>, SignalProtocolError> {
    let whole = Record { current: Some(state), archived: Vec::new() }.encode_to_vec();
    let mut record = SessionRecord::deserialize(&whole)?;
    record.archive_current_state()?;
    Ok(Record::parse(&record.serialize()?)?.archived)
}

/// Archives the current state, so that the next message opens a fresh session.
pub(crate) fn retire(record: &[u8]) -> Result<Vec<u8>, SignalProtocolError> {
    let Record { current, archived } = Record::parse(record)?;
    let mut all = current.map(archive).transpose()?.unwrap_or_default();
    all.extend(archived);
    all.truncate(ARCHIVED_MAX);
    Ok(Record { current: None, archived: all }.encode_to_vec())
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

    fn record(current: Option<u8>, archived: impl IntoIterator<Item = u8>) -> Record {
        // A state of nothing but a version.
        let state = |version: u8| vec![8, version];
        Record { current: current.map(state), archived: archived.into_iter().map(state).collect() }
    }

    #[test]
    fn only_the_newest_archived_states_stay() {
        let whole = Record::default().rejoin(&record(Some(4), 10..19).encode_to_vec()).unwrap();
        assert_eq!(Record::parse(&whole).unwrap(), record(Some(4), 10..12));
    }

    #[test]
    fn what_was_put_aside_comes_back_in_its_place() {
        let (shown, aside) = record(Some(1), [2, 3, 4]).split([false, false, true, false]);
        assert_eq!((&shown, &aside), (&record(None, [3]), &record(Some(1), [2, 4])));
        // libsignal opens something with it: it becomes the current one.
        let whole = aside.rejoin(&record(Some(3), []).encode_to_vec()).unwrap();
        assert_eq!(Record::parse(&whole).unwrap(), record(Some(3), [1, 2]));
    }

    #[test]
    fn a_retired_record_has_no_current_state() {
        let retired = retire(&record(Some(1), [2, 3, 4, 5]).encode_to_vec()).unwrap();
        assert_eq!(Record::parse(&retired).unwrap(), record(None, [1, 2]));
        assert_eq!(retire(&retired).unwrap(), retired);
    }
}

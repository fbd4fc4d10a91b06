//! One state of a session record: how far its receiving chains are.

use libsignal_protocol::SignalProtocolError;
use prost::Message;

use super::SKIPPED_MAX;

/// What is read of a state. Keys of messages are not.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct State {
    #[prost(message, repeated, tag = "7")]
    chains: Vec<Chain>,
    #[prost(bytes = "vec", tag = "13")]
    base_key: Vec<u8>,
    #[prost(message, optional, tag = "15")]
    pq_ratchet: Option<PqRatchet>,
}

#[derive(Clone, PartialEq, Message)]
struct Chain {
    #[prost(bytes = "vec", tag = "1")]
    ratchet_key: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    key: Option<ChainKey>,
}

#[derive(Clone, PartialEq, Message)]
struct ChainKey {
    #[prost(uint32, tag = "1")]
    index: u32,
}

/// Of `pq_ratchet.proto` of the Sparse Post-Quantum Ratchet.
#[derive(Clone, PartialEq, Message)]
struct PqRatchet {
    #[prost(message, optional, tag = "2")]
    chain: Option<PqChain>,
}

#[derive(Clone, PartialEq, Message)]
struct PqChain {
    #[prost(uint64, tag = "2")]
    current_epoch: u64,
    /// The latest epochs, the current one last.
    #[prost(message, repeated, tag = "3")]
    epochs: Vec<PqEpoch>,
}

#[derive(Clone, PartialEq, Message)]
struct PqEpoch {
    #[prost(message, optional, tag = "2")]
    receiving: Option<PqDirection>,
}

#[derive(Clone, PartialEq, Message)]
struct PqDirection {
    #[prost(uint32, tag = "1")]
    counter: u32,
}

impl State {
    /// Reads one; `None` where libsignal could not read it either.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }

    /// The counter that is next on the chain of a ratchet key; `None` if it has no such chain.
    pub(crate) fn next_counter(&self, ratchet_key: &[u8]) -> Option<u32> {
        let chain = self.chains.iter().find(|chain| chain.ratchet_key == ratchet_key)?;
        Some(chain.key.as_ref().map_or(0, |key| key.index))
    }

    /// The latest index on the post-quantum chain of an epoch; 0 where it has none yet.
    pub(crate) fn pq_index(&self, epoch: u64) -> u32 {
        let chain = self.pq_ratchet.as_ref().and_then(|ratchet| ratchet.chain.as_ref());
        let find = |chain: &PqChain| {
            let back = usize::try_from(chain.current_epoch.checked_sub(epoch)?).ok()?;
            let place = chain.epochs.len().checked_sub(back.checked_add(1)?)?;
            Some(chain.epochs.get(place)?.receiving.as_ref()?.counter)
        };
        chain.and_then(find).unwrap_or(0)
    }

    /// Whether it was opened with this base key.
    pub(crate) fn was_opened_with(&self, base_key: &[u8]) -> bool {
        self.base_key == base_key
    }

    /// Forgets all but the newest keys of skipped messages.
    pub(crate) fn with_few_skipped(bytes: Vec<u8>) -> Result<Vec<u8>, SignalProtocolError> {
        if bytes.len() < SKIPPED_MAX * SKIPPED_LEAST {
            return Ok(bytes);
        }
        let mut state = Whole::decode(bytes.as_slice())
            .map_err(|_| SignalProtocolError::InvalidProtobufEncoding)?;
        if state.chains.iter().all(|chain| chain.skipped.len() <= SKIPPED_MAX) {
            return Ok(bytes);
        }
        // The newest one comes first.
        state.chains.iter_mut().for_each(|chain| chain.skipped.truncate(SKIPPED_MAX));
        Ok(state.encode_to_vec())
    }
}

/// Bytes of a skipped message's key at least: its seed.
const SKIPPED_LEAST: usize = 32;

/// A state with every field that `storage.proto` has, so that it can be written again.
#[derive(Clone, PartialEq, Message)]
struct Whole {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(bytes = "vec", tag = "2")]
    local_identity: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    remote_identity: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    root_key: Vec<u8>,
    #[prost(uint32, tag = "5")]
    previous_counter: u32,
    #[prost(bytes = "vec", optional, tag = "6")]
    sender_chain: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "7")]
    chains: Vec<WholeChain>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pending_prekey: Option<Vec<u8>>,
    #[prost(uint32, tag = "10")]
    remote_registration: u32,
    #[prost(uint32, tag = "11")]
    local_registration: u32,
    #[prost(bytes = "vec", tag = "13")]
    base_key: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "14")]
    pending_kyber: Option<Vec<u8>>,
    #[prost(bytes = "vec", tag = "15")]
    pq_ratchet: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WholeChain {
    #[prost(bytes = "vec", tag = "1")]
    ratchet_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    private_key: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "3")]
    key: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    skipped: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(skipped: usize) -> WholeChain {
        let key = Some(ChainKey { index: 300 }.encode_to_vec());
        // Each begins with its number, so that they can be told apart.
        let skipped = (0..skipped).map(|number| vec![u8::try_from(number % 251).unwrap(); 40]);
        WholeChain {
            ratchet_key: vec![5; 33],
            key,
            skipped: skipped.collect(),
            ..WholeChain::default()
        }
    }

    #[test]
    fn the_newest_skipped_keys_stay_and_all_else_is_untouched() {
        let full = Whole {
            version: 4,
            base_key: vec![7; 33],
            chains: vec![chain(SKIPPED_MAX + 20), chain(3)],
            pq_ratchet: vec![9; 90],
            ..Whole::default()
        };
        let few = State::with_few_skipped(full.encode_to_vec()).unwrap();
        let few = Whole::decode(few.as_slice()).unwrap();
        assert_eq!(few.chains[0].skipped, full.chains[0].skipped[..SKIPPED_MAX]);
        assert_eq!(few.chains[1], full.chains[1]);
        assert_eq!((few.version, &few.base_key, &few.pq_ratchet), (4, &vec![7; 33], &vec![9; 90]));
        let again = State::with_few_skipped(few.encode_to_vec()).unwrap();
        assert_eq!(again, few.encode_to_vec());
    }

    #[test]
    fn positions_are_read() {
        let direction = |counter| Some(PqDirection { counter });
        let epochs =
            vec![PqEpoch { receiving: direction(70) }, PqEpoch { receiving: direction(3) }];
        let pq_ratchet = Some(PqRatchet { chain: Some(PqChain { current_epoch: 9, epochs }) });
        let key = Some(ChainKey { index: 12 });
        let chains = vec![Chain { ratchet_key: vec![5; 33], key }];
        let state = State { chains, base_key: vec![6; 33], pq_ratchet };
        let state = State::parse(&state.encode_to_vec()).unwrap();
        assert_eq!(state.next_counter(&[5; 33]), Some(12));
        assert_eq!(state.next_counter(&[4; 33]), None);
        assert_eq!([7, 8, 9, 10].map(|epoch| state.pq_index(epoch)), [0, 70, 3, 0]);
        assert!(state.was_opened_with(&[6; 33]) && !state.was_opened_with(&[5; 33]));
    }
}

//! Which message key an envelope was sealed with, for tests that prove that none is used twice.
//!
//! A message key is one step of one sending chain: the sender's ratchet key names the chain, the
//! counter the step. Two different ciphertexts of one step are a key that was used twice; the same
//! ciphertext in two envelopes is not.

use std::collections::{BTreeMap, btree_map::Entry};

use libsignal_protocol::{CiphertextMessageType, PreKeySignalMessage, SignalMessage};
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::{Address, Envelope};

use crate::{
    Device, certificate,
    stop::Stop,
    store::{Store, StoreError},
};

/// What the outer layer of an envelope hid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// A message under a key of its own.
    Keyed(KeyUse),
    /// A request to resend, which the outer layer alone protects.
    Plain,
    /// Nothing that this device can read.
    Sealed,
}

/// One use of one message key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    step: ChainStep,
    digest: [u8; 32],
    opens_session: bool,
}

/// One step of one sending chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChainStep {
    sender: Address,
    ratchet_key: Vec<u8>,
    counter: u32,
}

/// All uses that were seen.
#[derive(Clone, Debug, Default)]
pub struct KeyLedger(BTreeMap<ChainStep, [u8; 32]>);

/// A message key encrypted two different messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message key {counter} of a chain was used for two messages")]
pub struct UsedTwice {
    counter: u32,
}

impl KeyUse {
    /// Whether the message carries the handshake of its session.
    pub const fn opens_session(&self) -> bool {
        self.opens_session
    }
}

impl KeyLedger {
    /// Adds a use. The same ciphertext again is fine.
    pub fn note(&mut self, used: &KeyUse) -> Result<(), UsedTwice> {
        match self.0.entry(used.step.clone()) {
            Entry::Vacant(free) => {
                free.insert(used.digest);
                Ok(())
            }
            Entry::Occupied(known) if *known.get() == used.digest => Ok(()),
            Entry::Occupied(known) => Err(UsedTwice { counter: known.key().counter }),
        }
    }

    /// How many keys were used.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many chains they are of: each turn of the ratchet begins one.
    pub fn chains(&self) -> usize {
        let mut chains: Vec<_> = self.0.keys().map(|step| &step.ratchet_key).collect();
        chains.sort_unstable();
        chains.dedup();
        chains.len()
    }
}

impl Device {
    /// Looks below the outer layer of an envelope to this device; changes nothing.
    pub fn look_below(&self, store: &dyn Store, envelope: &Envelope) -> Result<Hidden, StoreError> {
        let content = match self.unseal(store, envelope) {
            Ok(content) => content,
            Err(Stop::Store(error)) => return Err(error),
            Err(_) => return Ok(Hidden::Sealed),
        };
        let (Ok(kind), Ok(bytes), Ok(certificate)) =
            (content.msg_type(), content.contents(), content.sender())
        else {
            return Ok(Hidden::Sealed);
        };
        let Some(sender) = certificate::read(certificate).map(|read| read.owner) else {
            return Ok(Hidden::Sealed);
        };
        let message = match kind {
            CiphertextMessageType::Whisper => SignalMessage::try_from(bytes).ok(),
            CiphertextMessageType::PreKey => {
                PreKeySignalMessage::try_from(bytes).ok().map(|outer| outer.message().clone())
            }
            CiphertextMessageType::Plaintext => return Ok(Hidden::Plain),
            CiphertextMessageType::SenderKey => None,
        };
        Ok(message.map_or(Hidden::Sealed, |message| {
            let ratchet_key = message.sender_ratchet_key().serialize().into_vec();
            let step = ChainStep { sender, ratchet_key, counter: message.counter() };
            let digest = Sha256::digest(message.body()).into();
            let opens_session = kind == CiphertextMessageType::PreKey;
            Hidden::Keyed(KeyUse { step, digest, opens_session })
        }))
    }
}

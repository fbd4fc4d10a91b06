//! How one message used its session, for whoever explains it to people.
//!
//! Numbers and kinds only, read off the message and off the session's public side: no key, no
//! plaintext. What libsignal keeps to itself is not guessed.

use libsignal_protocol::{CiphertextMessage, PreKeySignalMessage, SignalMessage};

use crate::{
    archive::Record,
    guard::{Candidates, pq_ratchet},
    store::{PrekeyClass, Store, StoreError},
};

/// How a message that was sealed or opened here used its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanics {
    /// The handshake that it carries, until its sender is answered for the first time.
    pub handshake: Option<Handshake>,
    /// The chain of message keys that it is on.
    pub chain: Chain,
    /// Its number on that chain, from 0.
    pub counter: u32,
    /// Where it stands in the post-quantum ratchet.
    pub post_quantum: Option<PostQuantum>,
}

/// The prekeys that a handshake (PQXDH) was made with. A signed one always takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Whether a one-time X25519 prekey took part.
    pub one_time: bool,
    /// Which Kyber prekey took part.
    pub kyber: KyberPrekey,
}

/// The kinds of Kyber prekeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KyberPrekey {
    /// One that is used once.
    OneTime,
    /// The one for when those are used up.
    LastResort,
    /// One of both: a bundle does not tell a sender which, and a recipient has removed what was
    /// used once.
    Unknown,
}

/// Where a message's chain comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// It begins a session.
    Opened,
    /// Its ratchet key is new in this direction: a Diffie-Hellman ratchet step.
    Turned,
    /// Messages under the same ratchet key were there before.
    Continued,
}

/// Where a message stands in the Sparse Post-Quantum Ratchet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostQuantum {
    /// The epoch whose secret is being agreed on.
    pub epoch: u64,
    /// The message's number on the chain of the epoch before, from 1; 0 while its key takes in
    /// nothing of this ratchet yet.
    pub index: u32,
    /// Whether it carries a piece of the agreement.
    pub carries_piece: bool,
}

/// Of a message that was just sealed; `None` if it is none of a session.
pub(crate) fn of_sealed(message: &CiphertextMessage) -> Option<Mechanics> {
    match message {
        CiphertextMessage::SignalMessage(message) => {
            let chain = if message.counter() == 0 { Chain::Turned } else { Chain::Continued };
            Some(mechanics(None, chain, message))
        }
        CiphertextMessage::PreKeySignalMessage(message) => {
            let one_time = message.pre_key_id().is_some();
            let handshake = Handshake { one_time, kyber: KyberPrekey::Unknown };
            let inner = message.message();
            let chain = if inner.counter() == 0 { Chain::Opened } else { Chain::Continued };
            Some(mechanics(Some(handshake), chain, inner))
        }
        _ => None,
    }
}

/// Of a message of a session, before it is opened.
pub(crate) fn continuing(candidates: &Candidates, message: &SignalMessage) -> Mechanics {
    let chain = if has_chain(candidates, message) { Chain::Continued } else { Chain::Turned };
    mechanics(None, chain, message)
}

/// Of a message with a handshake, before it is opened and its prekeys are removed.
pub(crate) fn opening(
    store: &dyn Store,
    candidates: &Candidates,
    message: &PreKeySignalMessage,
) -> Result<Mechanics, StoreError> {
    let kyber = match message.kyber_pre_key_id().map(u32::from) {
        Some(id) if store.prekey(PrekeyClass::Kyber, id)?.is_some() => KyberPrekey::OneTime,
        Some(id) if store.prekey(PrekeyClass::LastResort, id)?.is_some() => KyberPrekey::LastResort,
        _ => KyberPrekey::Unknown,
    };
    let handshake = Handshake { one_time: message.pre_key_id().is_some(), kyber };
    let known = |shown: &Record| shown.current.is_some() || !shown.archived.is_empty();
    let inner = message.message();
    let chain = match &candidates.shown {
        Some(shown) if known(shown) && has_chain(candidates, inner) => Chain::Continued,
        Some(shown) if known(shown) => Chain::Turned,
        _ => Chain::Opened,
    };
    Ok(mechanics(Some(handshake), chain, inner))
}

/// Whether something was opened under this message's ratchet key before.
fn has_chain(candidates: &Candidates, message: &SignalMessage) -> bool {
    let key = message.sender_ratchet_key().serialize();
    let states = candidates.shown.as_ref().map(Record::states).unwrap_or_default();
    states.iter().flatten().any(|state| state.next_counter(&key).is_some())
}

fn mechanics(handshake: Option<Handshake>, chain: Chain, message: &SignalMessage) -> Mechanics {
    let position = pq_ratchet::parse(message.pq_ratchet()).ok();
    let post_quantum = position.map(|pq_ratchet::Position { epoch, index, has_chunk }| {
        PostQuantum { epoch, index, carries_piece: has_chunk }
    });
    Mechanics { handshake, chain, counter: message.counter(), post_quantum }
}

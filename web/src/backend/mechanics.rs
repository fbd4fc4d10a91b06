//! How one message used its session, as pages are told.

use serde::Serialize;
use sysmaint_device::{Handshake, KyberPrekey, PostQuantum};
use utoipa::ToSchema;

/// How one message used its session, as the device found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mechanics {
    /// Present in a message that carries one.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Prekeys>,
    chain: Chain,
    /// The message's place in its chain.
    counter: u32,
    /// Where the post-quantum ratchet is, in a session that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    post_quantum: Option<Position>,
}

/// What a message did to the Double Ratchet's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Chain {
    /// It opened the session.
    Opened,
    /// A Diffie-Hellman step began a new chain.
    Turned,
    /// It is a further one of its chain.
    Continued,
}

/// The prekeys of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Prekeys {
    /// Whether a one-time EC prekey is among them.
    one_time: bool,
    kyber: Kyber,
}

/// The kind of a handshake's Kyber prekey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kyber {
    /// Given to nobody else.
    OneTime,
    /// The one that is given when no other is left.
    LastResort,
    /// It cannot be told.
    Unknown,
}

/// A place in the post-quantum ratchet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PostQuantum)]
struct Position {
    /// Counts the secrets that were agreed on.
    epoch: u64,
    /// The message's place in the epoch.
    index: u32,
    /// Whether a piece of the next secret is in it.
    carries_piece: bool,
}

impl From<sysmaint_device::Mechanics> for Mechanics {
    fn from(found: sysmaint_device::Mechanics) -> Self {
        let sysmaint_device::Mechanics { handshake, chain, counter, post_quantum } = found;
        Self {
            handshake: handshake.map(Prekeys::from),
            chain: chain.into(),
            counter,
            post_quantum: post_quantum.map(Position::from),
        }
    }
}

impl From<sysmaint_device::Chain> for Chain {
    fn from(chain: sysmaint_device::Chain) -> Self {
        match chain {
            sysmaint_device::Chain::Opened => Self::Opened,
            sysmaint_device::Chain::Turned => Self::Turned,
            sysmaint_device::Chain::Continued => Self::Continued,
        }
    }
}

impl From<Handshake> for Prekeys {
    fn from(Handshake { one_time, kyber }: Handshake) -> Self {
        let kyber = match kyber {
            KyberPrekey::OneTime => Kyber::OneTime,
            KyberPrekey::LastResort => Kyber::LastResort,
            KyberPrekey::Unknown => Kyber::Unknown,
        };
        Self { one_time, kyber }
    }
}

impl From<PostQuantum> for Position {
    fn from(PostQuantum { epoch, index, carries_piece }: PostQuantum) -> Self {
        Self { epoch, index, carries_piece }
    }
}

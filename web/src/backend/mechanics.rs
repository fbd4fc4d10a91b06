//! How one message used its session, as pages are told.

use serde::Serialize;
use sysmaint_device::{Chain, Handshake, KyberPrekey, PostQuantum};

/// As the device found it; see [`sysmaint_device::Mechanics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mechanics {
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Prekeys>,
    chain: &'static str,
    counter: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_quantum: Option<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Prekeys {
    one_time: bool,
    kyber: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Position {
    epoch: u64,
    index: u32,
    carries_piece: bool,
}

impl From<sysmaint_device::Mechanics> for Mechanics {
    fn from(found: sysmaint_device::Mechanics) -> Self {
        let sysmaint_device::Mechanics { handshake, chain, counter, post_quantum } = found;
        let chain = match chain {
            Chain::Opened => "opened",
            Chain::Turned => "turned",
            Chain::Continued => "continued",
        };
        Self {
            handshake: handshake.map(Prekeys::from),
            chain,
            counter,
            post_quantum: post_quantum.map(Position::from),
        }
    }
}

impl From<Handshake> for Prekeys {
    fn from(Handshake { one_time, kyber }: Handshake) -> Self {
        let kyber = match kyber {
            KyberPrekey::OneTime => "one_time",
            KyberPrekey::LastResort => "last_resort",
            KyberPrekey::Unknown => "unknown",
        };
        Self { one_time, kyber }
    }
}

impl From<PostQuantum> for Position {
    fn from(PostQuantum { epoch, index, carries_piece }: PostQuantum) -> Self {
        Self { epoch, index, carries_piece }
    }
}

//! How the endpoint is connected.

use serde::Serialize;
use sysmaint_protocol::Timestamp;
use utoipa::ToSchema;

/// The endpoint's connection and the queues behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkState {
    /// Whether the bus is connected now.
    pub connected: bool,
    /// Whether the relay answered when it was asked last; absent while it cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// Sealed messages that the bus has not taken yet.
    pub outbox_waiting: u64,
    /// Messages that could not be opened and are kept with their reason.
    pub dead_letters: u64,
    /// Messages that could not be opened, that their senders are asked for.
    pub awaited: u64,
    /// Messages that were asked for and came again.
    pub repaired: u64,
    /// Envelopes that wait for a decision on a changed identity key.
    pub held: u64,
    /// Messages that never arrived, as far as the sequences of later ones tell.
    pub missing: u64,
    /// When the last envelope was opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_in: Option<Timestamp>,
    /// When the bus took the last envelope from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_out: Option<Timestamp>,
}

//! What pages are told without asking.

use std::sync::Arc;

use sysmaint_protocol::{Alert, Handle, Timestamp, body::Usage};

use super::{ChatEntry, DirectMessage, DraftPart, HostStatus, LinkState, Trail};

/// Something changed. Large parts are shared, since every open page gets a copy.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something about a host needs attention, or does not any more.
    Alert(Arc<Alert>),
    /// A prompt came further, or its answer is here.
    Chat(Arc<ChatEntry>),
    /// A direct message was opened.
    Direct {
        /// Whose device opened it.
        to: Handle,
        /// The message.
        message: Arc<DirectMessage>,
    },
    /// More of an answer that is being made.
    Draft(Arc<DraftPart>),
    /// A host sent a sample, fell silent or came back.
    Host(Arc<HostStatus>),
    /// The connection to the bus or the queues behind it changed.
    Link(LinkState),
    /// More became of a direct message.
    Trail(Arc<Trail>),
    /// The agent's counters changed.
    Usage(Usage),
}

/// One envelope, exactly as the relay's user on the bus sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it was published.
    pub subject: String,
    /// The envelope.
    pub bytes: Arc<[u8]>,
    /// When it passed.
    pub at: Timestamp,
    /// The message's headers, in order.
    pub headers: Vec<(String, String)>,
}

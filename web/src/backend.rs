//! What the HTTP side needs of the Signal endpoint behind it.

mod chat;
mod event;
mod history;
mod link;
mod mechanics;
mod safety;
mod trail;
mod window;

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use sysmaint_protocol::{Alert, ContentId, Handle, Timestamp, body::Usage, sample::Sample};
use sysmaint_store::{History, Metric};
use tokio::sync::broadcast;
use utoipa::ToSchema;

pub use chat::{ChatEntry, Delivery, Draft, DraftPart};
pub use event::{Event, Seen};
pub use history::{Bytes, Measure, Point, Range};
pub use link::LinkState;
pub use mechanics::Mechanics;
pub use safety::{Key, Safety, SafetyNumber};
pub use trail::{Fault, Happening, Trail, What};
pub use window::{InvalidWindow, Window};

/// The endpoint, as the pages use it.
///
/// Every call returns soon, [`Backend::answer`] excepted, which waits as long as it is told to.
/// Dropping a call's future must leave nothing half done.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Seals a prompt to the agent and queues it. Once this returns, the prompt survives a crash.
    /// A `fresh` one begins a new conversation.
    async fn ask(&self, prompt: String, fresh: bool) -> Result<ContentId, BackendError>;

    /// Seals to the agent that the answer to a prompt is not wanted any more, and queues that.
    /// What was said so far comes as the answer. A conflict where the answer is here already.
    async fn stop(&self, id: ContentId) -> Result<(), BackendError>;

    /// Waits up to `wait` for the answer to a prompt. When time is up, the entry comes back
    /// without one, which is not an error.
    async fn answer(&self, id: ContentId, wait: Duration) -> Result<ChatEntry, BackendError>;

    /// How the agent's devices stand with alice's; none before the first message of either.
    async fn safety(&self) -> Result<Vec<Safety>, BackendError>;

    /// The last `limit` prompts with their answers, oldest first.
    async fn chat_history(&self, limit: usize) -> Result<Vec<ChatEntry>, BackendError>;

    /// Seals a text from a device held here to any identity and queues it. A `fault` is done to
    /// it on its way, between devices held here only; what it keeps from the bus is held.
    async fn send(
        &self,
        from: &Handle,
        to: &Handle,
        text: String,
        fault: Option<Fault>,
    ) -> Result<ContentId, BackendError>;

    /// What became of direct messages, as far as this process saw it, oldest first.
    async fn trails(&self) -> Result<Vec<Trail>, BackendError>;

    /// Has what is held of a message go to the bus. Not found if nothing is.
    async fn release(&self, id: ContentId) -> Result<(), BackendError>;

    /// Direct messages received by `reader` after the cursor `after`, oldest first, at most
    /// `limit`. Reading consumes nothing: the same cursor gives the same messages again.
    async fn pull(
        &self,
        reader: &Handle,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DirectMessage>, BackendError>;

    /// The hosts seen so far, by name, with the newest sample of each.
    async fn hosts(&self) -> Result<Vec<HostStatus>, BackendError>;

    /// What the agent told without being asked, at most `limit`: what is firing, then the latest of
    /// what is over.
    async fn alerts(&self, limit: usize) -> Result<Vec<Alert>, BackendError>;

    /// Of a host, the alerts that were so at any time in a window, newest first, at most `limit`.
    async fn alerts_in(
        &self,
        host: &Handle,
        window: Window,
        limit: usize,
    ) -> Result<Vec<Alert>, BackendError>;

    /// The agent's counters as last heard from it.
    async fn usage(&self) -> Result<Usage, BackendError>;

    /// What a host measured over the last `range`, oldest first, thinned to about a thousand
    /// points; none where nothing was measured.
    async fn history(&self, host: &Handle, range: Range) -> Result<Vec<Point>, BackendError>;

    /// What a host measured in a window, in lines for charts: of some metrics, or of all if none is
    /// named. Not found if the host was never seen.
    async fn series(
        &self,
        host: &Handle,
        window: Window,
        metrics: Vec<Metric>,
    ) -> Result<History, BackendError>;

    /// The moment, by the clock that samples are judged by.
    fn now(&self) -> Timestamp;

    /// Seals a reset of the usage counters to the agent and queues it.
    async fn reset_usage(&self) -> Result<(), BackendError>;

    /// How the endpoint is connected, and what waits in its store.
    async fn link(&self) -> Result<LinkState, BackendError>;

    /// Changes from now on.
    fn events(&self) -> broadcast::Receiver<Event>;

    /// What the relay sees of the demo's two mailboxes, from now on.
    fn wire(&self) -> broadcast::Receiver<Seen>;
}

/// Why the endpoint could not do as asked. The texts reach the page: they say what to do, and
/// never repeat message content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The state forbids it, such as a recipient whose key has changed and is not yet accepted.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for can never be done.
    #[error("{0}")]
    Invalid(String),
    /// There is no such message, host or identity.
    #[error("{0}")]
    NotFound(String),
    /// Nothing came back in time.
    #[error("{0}")]
    TimedOut(String),
    /// It does not fit one message.
    #[error("{0}")]
    TooLarge(String),
    /// Not now: the store or the bus cannot take it.
    #[error("{0}")]
    Unavailable(String),
}

/// A direct message, as its recipient opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DirectMessage {
    /// Its place in the recipient's inbox; grows with every message.
    #[serde(skip)]
    pub cursor: u64,
    /// What the sender named it.
    pub id: ContentId,
    /// The authenticated sender.
    pub from: Handle,
    /// What they wrote.
    pub text: String,
    /// When they wrote it, by their clock.
    pub sent_at: Timestamp,
}

/// A host and the newest that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HostStatus {
    /// The authenticated sender of its samples.
    pub host: Handle,
    /// When its newest sample was taken.
    pub last_seen: Timestamp,
    /// Whether it has been silent for longer than its interval explains.
    pub stale: bool,
    /// Samples that it numbered and that have not come.
    pub missing: u64,
    /// Samples that it could not keep until they were sent.
    pub lost: u64,
    /// Samples that came after a later one.
    pub late: u64,
    /// Samples that came again.
    pub duplicate: u64,
    /// The newest sample.
    pub sample: Sample,
}

//! Sending and receiving envelopes, whatever carries them.

use std::time::Duration;

use async_trait::async_trait;
use sysmaint_device::Sealed;
use sysmaint_protocol::{Timestamp, TransferId, subject};
use tokio::sync::watch;

/// Carries envelopes to mailboxes and brings one's own.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// Stores an envelope in its recipient's mailbox; returns once it is stored durably.
    ///
    /// An error does not mean that it was not stored. Publish the same `Sealed` again: the
    /// transfer id makes a second copy vanish.
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError>;

    /// Whether it carries what is ephemeral, and has it gone when its time is over. Where it does
    /// not, nothing ephemeral is made.
    fn carries_ephemeral(&self) -> bool {
        false
    }

    /// Opens a device's own mailbox. Waits, with a warning now and then, until the broker can be
    /// reached and the mailbox is there.
    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError>;
}

/// What arrives in one mailbox, each until it is acknowledged.
#[async_trait]
pub trait Deliveries: Send {
    /// Waits for at least one delivery and returns at most `max`, oldest first. Outages are
    /// waited out. `None` when the mailbox is closed for good.
    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>>;

    /// Whether another process serves this device, as that changes. Then nothing comes here until
    /// the other one is gone.
    fn stands_by(&self) -> watch::Receiver<bool> {
        watch::Sender::new(false).subscribe()
    }
}

/// One envelope as the broker hands it over.
pub struct Delivery {
    /// The bytes, unchecked.
    pub bytes: Vec<u8>,
    /// The sender's id for these bytes; absent if they were published without one.
    pub transfer_id: Option<TransferId>,
    /// When the broker stored it, by the broker's clock.
    pub stored_at: Timestamp,
    /// Tells the broker that the bytes are stored here now.
    pub acknowledgement: Box<dyn Acknowledge>,
}

/// Removes one delivery from the mailbox.
#[async_trait]
pub trait Acknowledge: Send + Sync {
    /// Returns once the broker has confirmed. On an error the delivery comes again.
    async fn acknowledge(&self) -> Result<(), AcknowledgeError>;
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Delivery")
            .field("bytes", &self.bytes.len())
            .field("stored_at", &self.stored_at)
            .finish_non_exhaustive()
    }
}

/// An envelope was not, or perhaps not, stored.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The recipient's mailbox is full; try again much later.
    #[error("the recipient's mailbox is full")]
    MailboxFull,
    /// Too many were sent; the next may go after this long.
    #[error("too much was sent; the relay takes more in {} s", .0.as_secs())]
    Throttled(Duration),
    /// The recipient's devices are others than the sender knows.
    #[error("the recipient's devices have changed: {0}")]
    OtherDevices(String),
    /// The broker will never take it.
    #[error("the broker refuses it: {0}")]
    Refused(String),
    /// No answer, or none that is final; try again with the same bytes.
    #[error("the broker did not confirm: {0}")]
    Unconfirmed(String),
}

/// A mailbox cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the mailbox cannot be opened: {0}")]
pub struct OpenError(pub String);

/// An acknowledgement was not confirmed.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not confirm the acknowledgement: {0}")]
pub struct AcknowledgeError(pub String);

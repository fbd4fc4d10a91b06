//! One who sees what somebody publishes.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sysmaint_bus::{Deliveries, Mailbox, OpenError, PublishError};
use sysmaint_device::Sealed;
use sysmaint_protocol::subject;

/// A mailbox that keeps a copy of each envelope on its way out.
pub struct Tap {
    mailbox: Arc<dyn Mailbox>,
    seen: Mutex<Vec<Sealed>>,
}

impl Tap {
    /// Listens on another mailbox.
    pub fn new(mailbox: Arc<dyn Mailbox>) -> Arc<Self> {
        Arc::new(Self { mailbox, seen: Mutex::default() })
    }

    /// What was published so far.
    pub fn seen(&self) -> Vec<Sealed> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Mailbox for Tap {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(sealed.clone());
        self.mailbox.publish(sealed).await
    }

    fn carries_ephemeral(&self) -> bool {
        self.mailbox.carries_ephemeral()
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        self.mailbox.open(own).await
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tap").finish_non_exhaustive()
    }
}

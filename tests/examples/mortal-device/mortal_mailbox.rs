//! A mailbox that its device dies at.

use std::sync::Arc;

use async_trait::async_trait;
use sysmaint_bus::{
    Acknowledge, AcknowledgeError, Deliveries, Delivery, Mailbox, OpenError, PublishError,
};
use sysmaint_device::Sealed;
use sysmaint_protocol::subject;
use sysmaint_tests::{
    KillPoint::{Acknowledged, Acknowledging, Committed, Published, Publishing, Received, Stored},
    WireLog,
};

use crate::fuse::Fuse;

/// [`Mailbox`] around another one, with a log of all that passes.
pub(crate) struct MortalMailbox<M> {
    pub(crate) inner: M,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) sent: WireLog,
    pub(crate) received: Arc<WireLog>,
}

#[async_trait]
impl<M: Mailbox> Mailbox for MortalMailbox<M> {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        self.sent.note(*sealed.transfer_id().as_bytes(), sealed.envelope().as_bytes());
        self.fuse.pass(Committed);
        let outcome = self.fuse.interrupt(Publishing, self.inner.publish(sealed)).await;
        if outcome.is_ok() {
            self.fuse.pass(Published);
        }
        outcome
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        let (inner, fuse) = (self.inner.open(own).await?, self.fuse.clone());
        Ok(Box::new(MortalDeliveries { inner, fuse, log: self.received.clone() }))
    }
}

struct MortalDeliveries {
    inner: Box<dyn Deliveries>,
    fuse: Arc<Fuse>,
    log: Arc<WireLog>,
}

#[async_trait]
impl Deliveries for MortalDeliveries {
    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>> {
        let deliveries = self.inner.next(max).await?;
        let mut passed = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let id = delivery.transfer_id.map_or([0; 16], |id| *id.as_bytes());
            self.log.note(id, &delivery.bytes);
            self.fuse.pass(Received);
            let (inner, fuse) = (delivery.acknowledgement, self.fuse.clone());
            let acknowledgement = Box::new(MortalAcknowledgement { inner, fuse });
            passed.push(Delivery { acknowledgement, ..delivery });
        }
        Some(passed)
    }
}

struct MortalAcknowledgement {
    inner: Box<dyn Acknowledge>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Acknowledge for MortalAcknowledgement {
    async fn acknowledge(&self) -> Result<(), AcknowledgeError> {
        self.fuse.pass(Stored);
        let outcome = self.fuse.interrupt(Acknowledging, self.inner.acknowledge()).await;
        if outcome.is_ok() {
            self.fuse.pass(Acknowledged);
        }
        outcome
    }
}

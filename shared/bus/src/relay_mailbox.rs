//! A mailbox through a relay: one WebSocket a device carries deliveries, acknowledgements and
//! what is sent.

mod connection;
mod frames;
mod ledger;
mod session;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sysmaint_device::Sealed;
use sysmaint_protocol::{Base64Bytes, subject, websocket::Outgoing};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;

use self::{
    connection::keep_connected,
    ledger::{Arrival, Ledger},
};
use crate::{
    Acknowledge, AcknowledgeError, Deliveries, Delivery, Mailbox, OpenError, PublishError,
    RelayClient,
};

/// Envelopes and acknowledgements that wait to be written.
const COMMANDS: usize = 128;
/// How long the relay may take to say that something is stored or removed, the wait for a
/// connection included.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// [`Mailbox`] through a relay. The connection lives as long as this.
pub struct RelayMailbox {
    own: subject::Mailbox,
    ledger: Arc<Ledger>,
    commands: mpsc::Sender<Command>,
    _connection: AbortOnDropHandle<()>,
}

/// What a session is to write.
enum Command {
    /// Acknowledge a delivery of one session.
    Acknowledge { session: u64, seq: u64, reply: oneshot::Sender<()> },
    /// Send an envelope.
    Send { envelope: Box<Outgoing>, reply: oneshot::Sender<Result<(), PublishError>> },
}

impl RelayMailbox {
    /// Begins to connect for this device, in a task of its own; the client must be the device's.
    pub fn start(client: RelayClient, own: subject::Mailbox) -> Self {
        let (commands, queue) = mpsc::channel(COMMANDS);
        let ledger = Arc::new(Ledger::default());
        let connected = keep_connected(client, own.clone(), Arc::clone(&ledger), queue);
        Self { own, ledger, commands, _connection: AbortOnDropHandle::new(tokio::spawn(connected)) }
    }
}

impl std::fmt::Debug for RelayMailbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RelayMailbox").field("own", &self.own).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailbox for RelayMailbox {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        let envelope = Box::new(Outgoing {
            id: sealed.transfer_id(),
            to: sealed.to().handle.clone(),
            device_id: sealed.to().device_id,
            registration_id: sealed.registration_id(),
            envelope: Base64Bytes(sealed.envelope().as_bytes().to_vec()),
        });
        let unconfirmed = |reason: &str| PublishError::Unconfirmed(reason.to_owned());
        let (reply, answer) = oneshot::channel();
        let sent = async {
            let command = Command::Send { envelope, reply };
            self.commands.send(command).await.map_err(|_| unconfirmed("the mailbox is closed"))?;
            answer.await.map_err(|_| unconfirmed("the connection to the relay was lost"))?
        };
        tokio::time::timeout(ANSWER_WITHIN, sent)
            .await
            .map_err(|_| unconfirmed("the relay did not answer in time"))?
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        if *own != self.own {
            return Err(OpenError("this connection is another device's".to_owned()));
        }
        let (ledger, commands) = (Arc::clone(&self.ledger), self.commands.clone());
        Ok(Box::new(RelayDeliveries { ledger, commands }))
    }
}

struct RelayDeliveries {
    ledger: Arc<Ledger>,
    commands: mpsc::Sender<Command>,
}

#[async_trait]
impl Deliveries for RelayDeliveries {
    fn stands_by(&self) -> watch::Receiver<bool> {
        self.ledger.stands_by()
    }

    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>> {
        let arrivals = self.ledger.take(max).await;
        let delivery = |arrival: Arrival| Delivery {
            bytes: arrival.envelope,
            transfer_id: arrival.transfer_id,
            stored_at: arrival.stored_at,
            acknowledgement: Box::new(RelayAcknowledgement {
                ledger: Arc::clone(&self.ledger),
                commands: self.commands.clone(),
                session: arrival.session,
                seq: arrival.seq,
            }),
        };
        Some(arrivals.into_iter().map(delivery).collect())
    }
}

struct RelayAcknowledgement {
    ledger: Arc<Ledger>,
    commands: mpsc::Sender<Command>,
    session: u64,
    seq: u64,
}

#[async_trait]
impl Acknowledge for RelayAcknowledgement {
    async fn acknowledge(&self) -> Result<(), AcknowledgeError> {
        let failed = |reason: &str| AcknowledgeError(reason.to_owned());
        if !self.ledger.is_current(self.session) {
            return Err(failed("the connection that it came over is gone"));
        }
        let (reply, answer) = oneshot::channel();
        let Self { session, seq, .. } = *self;
        let acknowledged = async {
            let command = Command::Acknowledge { session, seq, reply };
            self.commands.send(command).await.map_err(|_| failed("the mailbox is closed"))?;
            answer.await.map_err(|_| failed("the connection to the relay was lost"))
        };
        tokio::time::timeout(ANSWER_WITHIN, acknowledged)
            .await
            .map_err(|_| failed("the relay did not answer in time"))?
    }
}

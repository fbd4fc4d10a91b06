//! A bad way to a real server, and a clock that a test moves for when the server stored something.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sysmaint_bus::{
    Acknowledge, AcknowledgeError, Deliveries, Delivery, Mailbox, OpenError, PublishError,
};
use sysmaint_device::Sealed;
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{Timestamp, TransferId, subject};
use tokio::{sync::mpsc, task::JoinSet};

use crate::dice::{Counts, Dice, Faults};

/// A turn that a late envelope waits.
const TURN: Duration = Duration::from_millis(20);

/// What happens to envelopes before and after a server has them. Clones share it.
#[derive(Clone, Debug)]
pub struct Detour(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    clock: Clock,
    stored_at: HashMap<TransferId, Timestamp>,
}

impl Detour {
    /// A way with these faults to a server with this clock. The same seed rolls the same dice.
    pub fn new(seed: u64, faults: Faults, clock: Clock) -> Self {
        let (dice, stored_at) = (Dice::new(seed, faults), HashMap::new());
        Self(Arc::new(Mutex::new(State { dice, clock, stored_at })))
    }

    /// The way to this server.
    pub fn to(&self, server: Arc<dyn Mailbox>) -> Arc<dyn Mailbox> {
        Arc::new(Way { detour: self.clone(), server })
    }

    /// From now on with these faults.
    pub fn set(&self, faults: Faults) {
        self.state().dice.faults = faults;
    }

    /// What went wrong so far.
    pub fn counts(&self) -> Counts {
        self.state().dice.counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As this way's clock stood when the envelope was published.
    fn stored_at(&self, delivery: &Delivery) -> Timestamp {
        let state = self.state();
        let known = delivery.transfer_id.and_then(|id| state.stored_at.get(&id).copied());
        known.unwrap_or(delivery.stored_at)
    }
}

struct Way {
    detour: Detour,
    server: Arc<dyn Mailbox>,
}

#[async_trait]
impl Mailbox for Way {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        {
            let mut state = self.detour.state();
            if state.dice.is_lost() {
                return Err(PublishError::Unconfirmed("lost on its way".to_owned()));
            }
            let now = state.clock.now();
            state.stored_at.entry(sealed.transfer_id()).or_insert(now);
        }
        self.server.publish(sealed).await?;
        if self.detour.state().dice.is_unconfirmed() {
            return Err(PublishError::Unconfirmed("the confirmation was lost".to_owned()));
        }
        Ok(())
    }

    fn carries_ephemeral(&self) -> bool {
        self.server.carries_ephemeral()
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        let mut deliveries = self.server.open(own).await?;
        let (sender, arriving) = mpsc::channel(1);
        let mut pump = JoinSet::new();
        pump.spawn(async move {
            while let Some(batch) = deliveries.next(usize::MAX).await {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        });
        let detour = self.detour.clone();
        Ok(Box::new(Reader { detour, arriving, late: Vec::new(), _pump: pump }))
    }
}

struct Reader {
    detour: Detour,
    arriving: mpsc::Receiver<Vec<Delivery>>,
    late: Vec<Delivery>,
    /// Ends with this.
    _pump: JoinSet<()>,
}

#[async_trait]
impl Deliveries for Reader {
    async fn next(&mut self, _max: usize) -> Option<Vec<Delivery>> {
        loop {
            let waits = !self.late.is_empty();
            let fresh = tokio::select! {
                fresh = self.arriving.recv() => fresh?,
                () = tokio::time::sleep(TURN), if waits => Vec::new(),
            };
            let mut batch = Vec::new();
            let overtaken = std::mem::take(&mut self.late);
            for delivery in fresh {
                self.pass(delivery, &mut batch);
            }
            batch.extend(overtaken);
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }
}

impl Reader {
    /// Hands a delivery on, or keeps it for a turn.
    fn pass(&mut self, delivery: Delivery, batch: &mut Vec<Delivery>) {
        let stored_at = self.detour.stored_at(&delivery);
        let Delivery { bytes, transfer_id, acknowledgement, .. } = delivery;
        let detour = self.detour.clone();
        let acknowledgement = Box::new(Receipt { detour, server: Some(acknowledgement) });
        let copy = Box::new(Receipt { detour: self.detour.clone(), server: None });
        let (late, doubled) = {
            let dice = &mut self.detour.state().dice;
            (dice.is_late(), dice.is_doubled())
        };
        if doubled {
            let bytes = bytes.clone();
            batch.push(Delivery { bytes, transfer_id, stored_at, acknowledgement: copy });
        }
        let delivery = Delivery { bytes, transfer_id, stored_at, acknowledgement };
        if late { self.late.push(delivery) } else { batch.push(delivery) }
    }
}

/// To the server; of a second copy, to nobody.
struct Receipt {
    detour: Detour,
    server: Option<Box<dyn Acknowledge>>,
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(&self) -> Result<(), AcknowledgeError> {
        let Some(server) = &self.server else { return Ok(()) };
        if self.detour.state().dice.is_unacknowledged() {
            return Err(AcknowledgeError("the acknowledgement was lost".to_owned()));
        }
        server.acknowledge().await
    }
}

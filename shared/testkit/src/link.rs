//! Mail in memory, over a link that is as bad as a test wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sysmaint_bus::{
    Acknowledge, AcknowledgeError, Deliveries, Delivery, Mailbox, OpenError, PublishError,
};
use sysmaint_device::Sealed;
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{Timestamp, TransferId, subject};
use tokio::sync::watch;

use crate::dice::{Counts, Dice, Faults};

/// A turn that a late envelope waits.
const TURN: Duration = Duration::from_millis(5);

/// Everybody's mailboxes. It delivers at least once and drops no second copy. Clones share it.
#[derive(Clone, Debug)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    attempts: Vec<Sealed>,
    mail: BTreeMap<u64, Mail>,
    stored: u64,
    clock: Clock,
}

#[derive(Debug)]
struct Mail {
    to: subject::Mailbox,
    bytes: Vec<u8>,
    transfer_id: Option<TransferId>,
    stored_at: Timestamp,
    handed_out: bool,
}

impl Link {
    /// A link with these faults. The same seed rolls the same dice.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let state = State {
            dice: Dice::new(seed, faults),
            attempts: Vec::new(),
            mail: BTreeMap::new(),
            stored: 0,
            clock: Clock::system(),
        };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: watch::Sender::new(()) }))
    }

    /// From now on with these faults.
    pub fn set(&self, faults: Faults) {
        self.0.change(|state| state.dice.faults = faults);
    }

    /// From now on at another time.
    pub fn set_clock(&self, clock: Clock) {
        self.0.change(|state| state.clock = clock);
    }

    /// Takes what waits in a mailbox out of it.
    pub fn take(&self, mailbox: &subject::Mailbox) -> Vec<Vec<u8>> {
        self.0.change(|state| {
            let waiting = state.mail.extract_if(.., |_, mail| mail.to == *mailbox);
            waiting.map(|(_, mail)| mail.bytes).collect()
        })
    }

    /// What went wrong so far.
    pub fn counts(&self) -> Counts {
        self.0.change(|state| state.dice.counts)
    }

    /// Everything that anybody tried to publish, each try by itself.
    pub fn attempts(&self) -> Vec<Sealed> {
        self.0.change(|state| state.attempts.clone())
    }

    /// Different envelopes that wait in a mailbox.
    pub fn depth(&self, mailbox: &subject::Mailbox) -> usize {
        self.0.change(|state| {
            let waiting = state.mail.values().filter(|mail| mail.to == *mailbox);
            waiting.map(|mail| &mail.bytes).collect::<BTreeSet<_>>().len()
        })
    }

    /// Puts any bytes into a mailbox, as anybody with access to the broker could.
    pub fn inject(&self, to: &subject::Mailbox, bytes: &[u8]) {
        self.0.change(|state| state.store(to, bytes, None));
    }
}

#[async_trait]
impl Mailbox for Link {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        self.0.change(|state| {
            state.attempts.push(sealed.clone());
            if state.dice.is_lost() {
                return Err(PublishError::Unconfirmed("lost on its way".to_owned()));
            }
            let bytes = sealed.envelope().as_bytes();
            state.store(sealed.to(), bytes, Some(sealed.transfer_id()));
            if state.dice.is_unconfirmed() {
                return Err(PublishError::Unconfirmed("the confirmation was lost".to_owned()));
            }
            Ok(())
        })
    }

    fn carries_ephemeral(&self) -> bool {
        true
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        let changed = self.0.changed.subscribe();
        Ok(Box::new(Reader { link: self.0.clone(), own: own.clone(), changed }))
    }
}

impl Inner {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
        outcome
    }
}

impl State {
    fn store(&mut self, to: &subject::Mailbox, bytes: &[u8], transfer_id: Option<TransferId>) {
        let (to, bytes, stored_at) = (to.clone(), bytes.to_vec(), self.clock.now());
        let mail = Mail { to, bytes, transfer_id, stored_at, handed_out: false };
        self.mail.insert(self.stored, mail);
        self.stored += 1;
    }

    /// Numbers of what is handed out now, and whether anything stays behind.
    fn hand_out(&mut self, own: &subject::Mailbox, max: usize) -> (Vec<u64>, bool) {
        let waiting = |mail: &Mail| mail.to == *own && !mail.handed_out;
        let numbers: Vec<u64> =
            self.mail.iter().filter(|(_, mail)| waiting(mail)).map(|(number, _)| *number).collect();
        let mut now = Vec::new();
        for number in numbers.iter().copied() {
            if now.len() >= max {
                break;
            }
            if self.dice.is_late() {
                continue;
            }
            now.push(number);
            if self.dice.is_doubled() {
                now.push(number);
            }
        }
        for number in &now {
            if let Some(mail) = self.mail.get_mut(number) {
                mail.handed_out = true;
            }
        }
        let behind = now.is_empty() && !numbers.is_empty();
        (now, behind)
    }
}

struct Reader {
    link: Arc<Inner>,
    own: subject::Mailbox,
    changed: watch::Receiver<()>,
}

impl Reader {
    fn delivery(&self, state: &State, number: u64) -> Delivery {
        let mail = &state.mail[&number];
        Delivery {
            bytes: mail.bytes.clone(),
            transfer_id: mail.transfer_id,
            stored_at: mail.stored_at,
            acknowledgement: Box::new(Receipt { link: self.link.clone(), number }),
        }
    }
}

#[async_trait]
impl Deliveries for Reader {
    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>> {
        loop {
            self.changed.mark_unchanged();
            let (deliveries, behind) = {
                let mut state = self.link.state.lock().unwrap_or_else(PoisonError::into_inner);
                let (numbers, behind) = state.hand_out(&self.own, max);
                let deliveries = numbers.iter().map(|number| self.delivery(&state, *number));
                (deliveries.collect::<Vec<_>>(), behind)
            };
            if !deliveries.is_empty() {
                return Some(deliveries);
            }
            if behind {
                tokio::time::sleep(TURN).await;
            } else {
                self.changed.changed().await.ok()?;
            }
        }
    }
}

/// Dropped without an acknowledgement, its envelope is handed out again.
struct Receipt {
    link: Arc<Inner>,
    number: u64,
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(&self) -> Result<(), AcknowledgeError> {
        self.link.change(|state| {
            if state.dice.is_unacknowledged() {
                return Err(AcknowledgeError("the acknowledgement was lost".to_owned()));
            }
            state.mail.remove(&self.number);
            Ok(())
        })
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.link.change(|state| {
            if let Some(mail) = state.mail.get_mut(&self.number) {
                mail.handed_out = false;
            }
        });
    }
}

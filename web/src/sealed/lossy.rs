//! The demo's link: it damages, repeats, loses or delays single texts on their way to the bus.
//!
//! Alice's and bob's devices publish through it. It touches nothing but texts that were composed
//! with a [`Fault`]; all else passes as if it were not there. What it keeps from the bus lies in
//! the store since the transaction that sealed it, and goes there once somebody asks, once the
//! next text has passed, or after [`HELD_MAX`], whatever is restarted in between.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sysmaint_bus::{Deliveries, Mailbox, OpenError, PublishError};
use sysmaint_device::Sealed;
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{ContentId, Envelope, Handle, Timestamp, TransferId, subject};
use sysmaint_store::{KeptRow, Queued, SqlError, Store, WriteError};
use tokio::sync::Notify;

use super::trails::Trails;
use crate::backend::{Fault, What};

/// What nobody asks for goes by itself after this long.
const HELD_MAX: Duration = Duration::from_hours(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// After the bus did not take what was let go.
const RETRY: Duration = Duration::from_secs(1);
/// No byte before this one belongs to the contents of an envelope's last field.
const CONTENTS: usize = 90;

/// The link. A clone is the same one.
#[derive(Clone)]
pub struct LossyLink(Arc<Inner>);

struct Inner {
    mailbox: Arc<dyn Mailbox>,
    trails: Trails,
    /// Texts that have not passed, by their envelopes.
    texts: Mutex<HashMap<TransferId, OnItsWay>>,
    /// Something may go.
    due: Notify,
}

/// A text that has not passed.
#[derive(Clone)]
struct OnItsWay {
    content_id: ContentId,
    from: Handle,
    to: Handle,
    fault: Option<Fault>,
    since: Timestamp,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The outbox has it.
    Queued,
    /// The outbox believes that it is on the bus.
    Held,
    /// It is to go to the bus.
    Due,
    /// It was there all the time: only its row is left.
    Passed,
}

impl LossyLink {
    /// In front of a mailbox.
    pub fn new(mailbox: Arc<dyn Mailbox>, clock: Clock) -> Self {
        let trails = Trails::new(clock);
        Self(Arc::new(Inner { mailbox, trails, texts: Mutex::default(), due: Notify::new() }))
    }

    pub(super) fn trails(&self) -> &Trails {
        &self.0.trails
    }

    /// A text is being sealed; called inside that transaction, so that its envelope cannot be
    /// seen here before.
    pub(super) fn compose(&self, from: &Handle, queued: &Queued, fault: Option<Fault>) {
        self.0.trails.begin(from, queued, fault);
        let text = OnItsWay {
            content_id: queued.content_id,
            from: from.clone(),
            to: queued.to.handle.clone(),
            fault,
            since: self.0.trails.now(),
            stage: Stage::Queued,
        };
        self.texts().insert(queued.transfer_id, text);
    }

    /// Has what is held of a message go to the bus; false if nothing is.
    pub(super) fn release(&self, id: ContentId) -> bool {
        self.let_go(|text| text.content_id == id)
    }

    /// Takes up what the last process has held.
    pub(super) async fn restore(&self, store: &Store) -> Result<(), WriteError<SqlError>> {
        for row in store.read(|view| view.kept_back().all()).await? {
            let KeptRow { from, content_id, sealed, fault, kept_at, queued, .. } = row;
            let (id, to) = (sealed.transfer_id(), sealed.to().handle.clone());
            let fault = Fault::named(&fault);
            let stage = match fault {
                _ if queued => Stage::Queued,
                Some(Fault::Replay) => Stage::Passed,
                Some(_) => Stage::Held,
                // Of another version; nobody here knows what it was to wait for.
                None => Stage::Due,
            };
            if let Some(fault) = fault.filter(|_| stage == Stage::Held) {
                self.0.trails.restore(content_id, from.clone(), &to, fault);
            }
            let text = OnItsWay { content_id, from, to, fault, since: kept_at, stage };
            self.texts().entry(id).or_insert(text);
        }
        self.0.due.notify_one();
        Ok(())
    }

    /// Sends what is let go, until it is dropped.
    pub(super) async fn run(&self, store: &Store) {
        loop {
            let end = self.0.trails.now().before(HELD_MAX);
            self.let_go(|text| text.since < end);
            let pause = match self.send_due(store).await {
                Ok(true) => LOOK,
                Ok(false) => RETRY,
                Err(error) => {
                    tracing::warn!(%error, "what the demo's link holds cannot be read or written");
                    RETRY
                }
            };
            tokio::select! {
                () = self.0.due.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// False if some of it did not get there.
    async fn send_due(&self, store: &Store) -> Result<bool, WriteError<SqlError>> {
        let is_due = |text: &OnItsWay| matches!(text.stage, Stage::Due | Stage::Passed);
        if !self.texts().values().any(is_due) {
            return Ok(true);
        }
        let mut all = true;
        for row in store.read(|view| view.kept_back().all()).await? {
            let id = row.sealed.transfer_id();
            let Some(text) = self.texts().get(&id).cloned().filter(is_due) else { continue };
            if text.stage == Stage::Due {
                self.0.trails.note(text.content_id, id, What::Released);
                if let Err(error) = self.0.mailbox.publish(&row.sealed).await {
                    tracing::debug!(%error, "what the demo's link lets go is tried again");
                    all = false;
                    continue;
                }
            }
            store.write(move |tx| tx.kept_back().passed(id)).await?;
            self.texts().remove(&id);
            self.0.trails.hold(text.content_id, false);
        }
        Ok(all)
    }

    fn let_go(&self, which: impl Fn(&OnItsWay) -> bool) -> bool {
        let mut any = false;
        for text in self.texts().values_mut() {
            if text.stage == Stage::Held && which(text) {
                (text.stage, any) = (Stage::Due, true);
            }
        }
        if any {
            self.0.due.notify_one();
        }
        any
    }

    /// The outbox is told that it is on the bus.
    fn hold(&self, id: TransferId, text: &OnItsWay) {
        if let Some(text) = self.texts().get_mut(&id)
            && text.stage == Stage::Queued
        {
            text.stage = Stage::Held;
        }
        self.0.trails.hold(text.content_id, true);
    }

    /// Something of a text is on the bus: what waits for the next text of its sender goes now.
    fn passed(&self, passed: &OnItsWay) {
        self.let_go(|text| {
            text.fault == Some(Fault::Reorder)
                && text.content_id != passed.content_id
                && (&text.from, &text.to) == (&passed.from, &passed.to)
        });
    }

    async fn carry(&self, sealed: &Sealed, text: &OnItsWay) -> Result<(), PublishError> {
        let Inner { mailbox, trails, .. } = &*self.0;
        let (id, note) = (sealed.transfer_id(), |id, what| trails.note(text.content_id, id, what));
        match text.fault {
            None => {
                mailbox.publish(sealed).await?;
                self.texts().remove(&id);
            }
            Some(Fault::Tamper) => {
                let (damaged, bit) = damaged(sealed)?;
                note(damaged.transfer_id(), What::Flipped { bit });
                mailbox.publish(&damaged).await?;
                self.hold(id, text);
            }
            Some(Fault::Replay) => {
                mailbox.publish(sealed).await?;
                note(copy_of(id), What::Repeated);
                mailbox.publish(&under(copy_of(id), sealed, sealed.envelope().clone())).await?;
                if let Some(text) = self.texts().get_mut(&id) {
                    text.stage = Stage::Passed;
                }
                self.0.due.notify_one();
            }
            Some(Fault::Drop) => {
                self.hold(id, text);
                note(id, What::Dropped);
                return Ok(());
            }
            Some(Fault::Reorder) => {
                self.hold(id, text);
                note(id, What::Delayed);
                return Ok(());
            }
        }
        self.passed(text);
        Ok(())
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<TransferId, OnItsWay>> {
        self.0.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailbox for LossyLink {
    async fn publish(&self, sealed: &Sealed) -> Result<(), PublishError> {
        let text = self.texts().get(&sealed.transfer_id()).cloned();
        match text {
            Some(text) => self.carry(sealed, &text).await,
            None => self.0.mailbox.publish(sealed).await,
        }
    }

    fn carries_ephemeral(&self) -> bool {
        self.0.mailbox.carries_ephemeral()
    }

    async fn open(&self, own: &subject::Mailbox) -> Result<Box<dyn Deliveries>, OpenError> {
        self.0.mailbox.open(own).await
    }
}

impl std::fmt::Debug for LossyLink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LossyLink").finish_non_exhaustive()
    }
}

/// Names the link's own copy of an envelope: the broker must not take it for the envelope, nor
/// two attempts for two copies.
fn copy_of(id: TransferId) -> TransferId {
    TransferId::from_bytes(id.as_bytes().map(|byte| !byte))
}

fn under(id: TransferId, sealed: &Sealed, envelope: Envelope) -> Sealed {
    Sealed::restored(sealed.to().clone(), sealed.registration_id(), id, envelope)
}

/// The same but for one bit in what is encrypted, the same one on each attempt.
fn damaged(sealed: &Sealed) -> Result<(Sealed, usize), PublishError> {
    let mut bytes = sealed.envelope().as_bytes().to_vec();
    let chance = usize::from_be_bytes(first_bytes(sealed.transfer_id()));
    let bit = 8 * CONTENTS + chance % (8 * bytes.len().saturating_sub(CONTENTS)).max(1);
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    let envelope =
        Envelope::parse(bytes).map_err(|error| PublishError::Refused(error.to_string()))?;
    Ok((under(copy_of(sealed.transfer_id()), sealed, envelope), bit))
}

fn first_bytes(id: TransferId) -> [u8; size_of::<usize>()] {
    let mut first = [0; size_of::<usize>()];
    first.copy_from_slice(&id.as_bytes()[..size_of::<usize>()]);
    first
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::DeviceId;

    use super::*;

    fn sealed(number: u8) -> Sealed {
        let mut bytes = vec![0x11, 0x0a, 33, 5];
        bytes.extend_from_slice(&[1; 32]);
        bytes.extend_from_slice(&[0x12, 43]);
        bytes.extend_from_slice(&[2; 43]);
        bytes.extend_from_slice(&[0x1a, 0xac, 0x02]);
        bytes.extend_from_slice(&[3; 300]);
        let to = subject::Mailbox::new("bob".parse().unwrap(), DeviceId::FIRST);
        let id = TransferId::from_bytes([number; 16]);
        Sealed::restored(to, 1, id, Envelope::parse(bytes).unwrap())
    }

    #[test]
    fn damage_is_one_bit_and_the_same_on_each_attempt() {
        for number in 0..=255 {
            let whole = sealed(number);
            let (damaged_once, bit) = damaged(&whole).unwrap();
            let (again, same) = damaged(&whole).unwrap();
            assert_eq!((&damaged_once, bit), (&again, same));
            assert_ne!(damaged_once.transfer_id(), whole.transfer_id());
            let [one, other] =
                [&whole, &damaged_once].map(|sealed| sealed.envelope().as_bytes().to_vec());
            let flipped: u32 =
                one.iter().zip(&other).map(|(one, other)| (one ^ other).count_ones()).sum();
            assert_eq!(flipped, 1);
            assert_ne!(one[bit / 8], other[bit / 8]);
        }
    }
}

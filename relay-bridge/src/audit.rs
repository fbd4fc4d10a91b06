//! What the bridge writes down of its own doings, so that it can be checked later.
//!
//! Rows that stand for envelopes name nobody. Rows that name a handle never stand beside the
//! envelopes of the same moment: registrations and revocations are on the disk before they are
//! answered, the others are [held back](held) and written in random order. A bridge that cannot
//! write its audit refuses whatever would have to be in it.

mod held;
mod keeper;
mod requesters;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use serde::Serialize;
use sysmaint_device::Sealed;
use sysmaint_protocol::{
    Handle, Timestamp,
    audit::{Anchor, BridgeId, Digest},
    rest::{PrekeyUpload, Problem},
    subject::Mailbox,
};
use sysmaint_store::audit::{AuditEvent, AuditLog, AuditRoom, AuditWriteError, digest};
use tokio::sync::Notify;
use utoipa::ToSchema;

use self::{held::Held, requesters::Requesters};
use crate::{clock, problem::AUDIT_UNAVAILABLE};

/// One bridge's audit. Clones share it.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: AuditLog,
    requesters: Mutex<Requesters>,
    held: Mutex<Held>,
    /// Too much is held back.
    crowded: Notify,
    last_anchor: Mutex<Option<Anchor>>,
    unrecorded: Mutex<u64>,
    /// It was said that nothing can be written.
    is_said: AtomicBool,
}

/// Room for what is about to be stored.
#[derive(Debug)]
pub(crate) struct Room<'a>(AuditRoom<'a>);

/// For operators: how the audit is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditReport {
    #[schema(value_type = String)]
    bridge: BridgeId,
    rows: u64,
    first_sequence: u64,
    last_sequence: u64,
    waiting: usize,
    held_back: usize,
    waits: u64,
    unrecorded: u64,
    failing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_anchor: Option<LastAnchor>,
}

/// The anchor that the broker confirmed last, since the bridge started.
#[derive(Debug, Serialize, ToSchema)]
struct LastAnchor {
    sequence: u64,
    time: Timestamp,
}

impl Audit {
    /// Over an open file.
    pub fn new(log: AuditLog) -> Self {
        Self(Arc::new(Inner {
            log,
            requesters: Mutex::default(),
            held: Mutex::default(),
            crowded: Notify::new(),
            last_anchor: Mutex::default(),
            unrecorded: Mutex::default(),
            is_said: AtomicBool::new(false),
        }))
    }

    /// Refuses while nothing can be recorded. Asked before anything is done that a row would have
    /// to tell of.
    pub fn check(&self) -> Result<(), Problem> {
        match self.0.log.trouble() {
            None => {
                self.well();
                Ok(())
            }
            Some(cause) => Err(self.refusal(&AuditWriteError::Failing(cause))),
        }
    }

    /// Whether the disk takes what is recorded.
    pub(crate) fn is_writable(&self) -> bool {
        self.0.log.trouble().is_none()
    }

    /// A device was registered; `new` if it was not before. On the disk when this returns.
    pub async fn registered(&self, device: &Mailbox, new: bool) -> Result<(), Problem> {
        let mut events = vec![AuditEvent::registered(device, new)];
        if !new {
            events.push(AuditEvent::rotated(device));
        }
        events.push(AuditEvent::certified(device));
        self.write(events).await
    }

    /// A device was taken out of its identity. On the disk when this returns.
    pub async fn revoked(&self, device: &Mailbox) -> Result<(), Problem> {
        self.write(vec![AuditEvent::revoked(device)]).await
    }

    /// A device uploaded prekeys.
    pub fn prekeys_uploaded(&self, device: &Mailbox, upload: &PrekeyUpload) {
        let ec = upload.one_time_prekeys.len();
        let kyber = upload.one_time_kyber_prekeys.len();
        self.hold(AuditEvent::uploaded(device, ec, kyber));
    }

    /// A certificate was renewed.
    pub fn certificate_issued(&self, device: &Mailbox) {
        self.hold(AuditEvent::certified(device));
    }

    /// Somebody fetches a bundle.
    pub fn bundle_fetched(&self, requester: &Handle, target: &Handle) {
        let requester = locked(&self.0.requesters).hash(requester, clock::now());
        self.hold(AuditEvent::BundleFetched { target: target.clone(), requester });
    }

    /// Room for the envelopes that are about to be stored. Waits while the queue is full, and
    /// refuses while the disk says no.
    pub(crate) async fn room(&self) -> Result<Room<'_>, Problem> {
        let room = self.0.log.room().await.map_err(|error| self.refusal(&error))?;
        self.well();
        Ok(Room(room))
    }

    /// Envelopes were acknowledged by their recipients; they are named by the
    /// [digest](sysmaint_store::audit::digest) of their bytes. Waits while the queue is full. What
    /// finds no room in time is counted and logged.
    pub async fn delivered(&self, digests: impl IntoIterator<Item = Digest>) {
        let event = |digest| AuditEvent::EnvelopeDelivered { digest };
        let events: Vec<_> = digests.into_iter().map(event).collect();
        let number = events.len();
        if number > 0
            && let Err(error) = self.0.log.record(events, clock::now()).await
        {
            tracing::error!(%error, number, "deliveries are missing in the audit");
            let mut unrecorded = locked(&self.0.unrecorded);
            *unrecorded = unrecorded.saturating_add(u64::try_from(number).unwrap_or(u64::MAX));
        }
    }

    /// In numbers.
    pub(crate) fn report(&self) -> AuditReport {
        let head = self.0.log.head();
        let last_anchor = *locked(&self.0.last_anchor);
        AuditReport {
            bridge: self.0.log.bridge(),
            rows: head.rows(),
            first_sequence: head.first,
            last_sequence: head.sequence,
            waiting: self.0.log.depth(),
            held_back: locked(&self.0.held).len(),
            waits: self.0.log.waits(),
            unrecorded: *locked(&self.0.unrecorded),
            failing: self.0.log.trouble().is_some(),
            last_anchor: last_anchor
                .map(|anchor| LastAnchor { sequence: anchor.sequence, time: anchor.time }),
        }
    }

    async fn write(&self, events: Vec<AuditEvent>) -> Result<(), Problem> {
        let written = self.0.log.write(events, clock::now()).await;
        written.map_err(|error| self.refusal(&error))
    }

    /// The cause goes to the log, not to whoever asks: it names files. It is said once, since a
    /// full disk has no room for more.
    fn refusal(&self, error: &AuditWriteError) -> Problem {
        if !self.0.is_said.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "refusing whatever cannot be recorded");
        }
        AUDIT_UNAVAILABLE.because(
            "the relay cannot write its audit at the moment, and does nothing that it could not \
             record: try again in a moment",
        )
    }

    fn well(&self) {
        if self.0.is_said.swap(false, Ordering::Relaxed) {
            tracing::info!("the audit can be written again");
        }
    }

    fn hold(&self, event: AuditEvent) {
        if locked(&self.0.held).add(event) {
            self.0.crowded.notify_one();
        }
    }
}

impl Room<'_> {
    /// These were stored.
    pub(crate) fn accepted(self, stored: &[Sealed]) {
        let event = |sealed: &Sealed| AuditEvent::EnvelopeAccepted {
            digest: digest(sealed.envelope().as_bytes()),
        };
        let events: Vec<_> = stored.iter().map(event).collect();
        if !events.is_empty() {
            self.0.fill(events, clock::now());
        }
    }
}

/// Nothing can panic while one of these is held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

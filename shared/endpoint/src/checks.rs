//! Whether the directory was asked, about prekeys and for a certificate, since something hinted at
//! trouble.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sysmaint_protocol::Timestamp;
use tokio::sync::watch;

/// By a wrong clock each new certificate looks expired as well; one that was fetched since that
/// was noticed is as good as any for so long.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// Numbers the checks. One is wanted from the start.
pub(crate) struct Checks {
    begun: AtomicU64,
    wanted: AtomicU64,
    /// The last one that went well.
    done: watch::Sender<u64>,
    /// When the certificate was last seen to be expired.
    expired: Mutex<Option<Timestamp>>,
}

impl Checks {
    /// Before a check.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// After one that went well.
    pub(crate) fn finish(&self, number: u64) {
        self.done.send_replace(number);
    }

    /// Wants one that begins from now on.
    pub(crate) fn want(&self) {
        self.wanted.fetch_max(self.begun.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    /// The certificate looks expired: a check is wanted, unless one was for that reason lately.
    pub(crate) fn notice_expiry(&self, now: Timestamp) {
        if !self.was_noticed(now) {
            self.want();
            *self.expired.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }

    /// Whether a certificate that looks expired was fetched since that was noticed.
    pub(crate) fn excuse_expiry(&self, now: Timestamp) -> bool {
        self.was_noticed(now) && *self.done.borrow() >= self.wanted.load(Ordering::SeqCst)
    }

    fn was_noticed(&self, now: Timestamp) -> bool {
        let noticed = *self.expired.lock().unwrap_or_else(PoisonError::into_inner);
        noticed.is_some_and(|at| at <= now && now.since(at) < GOOD_FOR)
    }

    /// Waits for the one that is wanted.
    pub(crate) async fn wait(&self) {
        let wanted = self.wanted.load(Ordering::SeqCst);
        // The sender lives in this.
        let _ = self.done.subscribe().wait_for(|done| *done >= wanted).await;
    }
}

impl Default for Checks {
    fn default() -> Self {
        let (begun, wanted) = (AtomicU64::new(0), AtomicU64::new(1));
        Self { begun, wanted, done: watch::Sender::new(0), expired: Mutex::new(None) }
    }
}

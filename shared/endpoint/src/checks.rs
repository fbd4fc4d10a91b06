//! Whether the directory's prekeys were compared with our own since something hinted at trouble.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Numbers the checks. One is wanted from the start.
pub(crate) struct Checks {
    begun: AtomicU64,
    wanted: AtomicU64,
    /// The last one that went well.
    done: watch::Sender<u64>,
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
        Self { begun, wanted, done: watch::Sender::new(0) }
    }
}

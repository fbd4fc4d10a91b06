//! How the bridge reaches one of its connections: a few words that are set, and a bell.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use sysmaint_protocol::websocket::CloseReason;
use tokio::sync::Notify;

/// A connection whose own announcement did not come back within this time does not wait for it.
const ANNOUNCED_AFTER: Duration = Duration::from_secs(5);

/// One connection, as everybody else sees it.
#[derive(Debug)]
pub(super) struct Doorbell {
    /// Random, of this connection.
    pub(super) session: u64,
    /// Tells the token that it was opened with from the device's other ones.
    pub(super) token: u64,
    opened: Instant,
    announced: AtomicBool,
    arrived: AtomicU64,
    missed: AtomicBool,
    closing: AtomicU8,
    bell: Notify,
}

const OPEN: u8 = 0;

/// Reasons by the number that stands for them, less one.
const REASONS: [CloseReason; 5] = [
    CloseReason::Replaced,
    CloseReason::Revoked,
    CloseReason::ShuttingDown,
    CloseReason::TooSlow,
    CloseReason::Violation,
];

impl Doorbell {
    pub(super) fn new(session: u64, token: u64, opened: Instant) -> Self {
        Self {
            session,
            token,
            opened,
            announced: AtomicBool::new(false),
            arrived: AtomicU64::new(0),
            missed: AtomicBool::new(false),
            closing: AtomicU8::new(OPEN),
            bell: Notify::new(),
        }
    }

    /// Waits until something has been set since the last time.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Something arrived under this number.
    pub(super) fn arrived(&self, sequence: u64) {
        self.arrived.fetch_max(sequence, Ordering::AcqRel);
        self.bell.notify_one();
    }

    /// The highest number that was named since the last time.
    pub(super) fn take_arrived(&self) -> Option<u64> {
        Some(self.arrived.swap(0, Ordering::AcqRel)).filter(|sequence| *sequence > 0)
    }

    /// Anything may have been missed.
    pub(super) fn missed(&self) {
        self.missed.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    pub(super) fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }

    /// The connection has to end. The first reason stays.
    pub(super) fn close(&self, reason: CloseReason) {
        let number = REASONS.iter().position(|one| *one == reason).unwrap_or_default();
        let number = u8::try_from(number + 1).unwrap_or(u8::MAX);
        let first = Ordering::AcqRel;
        let _closing_already =
            self.closing.compare_exchange(OPEN, number, first, Ordering::Acquire);
        self.bell.notify_one();
    }

    /// Why it has to end, if it has.
    pub(super) fn closing(&self) -> Option<CloseReason> {
        let number = self.closing.load(Ordering::Acquire);
        REASONS.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its own announcement came back: whatever is announced from now on is newer.
    pub(super) fn announced(&self) {
        self.announced.store(true, Ordering::Release);
    }

    /// Whether another bridge's announcement that is heard now is of a newer connection. The broker
    /// brings announcements to all bridges in one order, so of two that open at the same time each
    /// bridge sees the same one come last.
    pub(super) fn is_older_than_what_is_announced(&self, now: Instant) -> bool {
        self.announced.load(Ordering::Acquire)
            || now.saturating_duration_since(self.opened) > ANNOUNCED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_and_the_first_one_stays() {
        for reason in REASONS {
            let doorbell = Doorbell::new(1, 2, Instant::now());
            assert_eq!(doorbell.closing(), None);
            doorbell.close(reason);
            doorbell.close(CloseReason::Replaced);
            assert_eq!(doorbell.closing(), Some(reason));
        }
    }

    #[test]
    fn the_highest_number_is_heard_once() {
        let doorbell = Doorbell::new(1, 2, Instant::now());
        doorbell.arrived(7);
        doorbell.arrived(5);
        assert_eq!(doorbell.take_arrived(), Some(7));
        assert_eq!(doorbell.take_arrived(), None);
    }

    #[test]
    fn what_is_announced_before_ones_own_announcement_is_older() {
        let opened = Instant::now();
        let doorbell = Doorbell::new(1, 2, opened);
        assert!(!doorbell.is_older_than_what_is_announced(opened));
        let later = opened + ANNOUNCED_AFTER + Duration::from_millis(1);
        assert!(doorbell.is_older_than_what_is_announced(later), "the announcement was lost");
        doorbell.announced();
        assert!(doorbell.is_older_than_what_is_announced(opened));
    }
}

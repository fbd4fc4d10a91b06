//! Who is connected to this bridge: at most one connection a device.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sysmaint_bus::{Hint, SessionNotice};
use sysmaint_protocol::{subject::Mailbox, websocket::CloseReason};

use super::doorbell::Doorbell;

/// The connections of one bridge, by device.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Random, of this bridge.
    bridge: u64,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    doorbells: HashMap<Mailbox, Arc<Doorbell>>,
    is_closed: bool,
}

/// A connection's place among the others; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Place {
    sessions: Arc<Sessions>,
    own: Mailbox,
    doorbell: Arc<Doorbell>,
}

impl Sessions {
    pub(super) fn new(bridge: u64) -> Self {
        Self { bridge, open: Mutex::default() }
    }

    /// Takes the place of a device. Whoever holds it has to leave.
    pub(super) fn enter(self: &Arc<Self>, own: Mailbox, doorbell: Doorbell) -> Place {
        let doorbell = Arc::new(doorbell);
        let mut open = self.open();
        if open.is_closed {
            doorbell.close(CloseReason::ShuttingDown);
        }
        let older = open.doorbells.insert(own.clone(), Arc::clone(&doorbell));
        drop(open);
        if let Some(older) = older {
            older.close(CloseReason::Replaced);
        }
        Place { sessions: Arc::clone(self), own, doorbell }
    }

    /// How many devices are connected.
    pub(super) fn count(&self) -> usize {
        self.open().doorbells.len()
    }

    /// Passes on what was heard to whom it concerns.
    pub(super) fn heard(&self, hint: Hint, now: Instant) {
        match hint {
            Hint::Arrived { mailbox, sequence } => {
                self.with(&mailbox, |doorbell| doorbell.arrived(sequence));
            }
            Hint::Notice { device, notice } => {
                self.with(&device, |doorbell| self.noticed(doorbell, notice, now));
            }
            Hint::Missed => {
                self.open().doorbells.values().for_each(|doorbell| doorbell.missed());
            }
        }
    }

    /// Ends every connection, those that are about to be opened included.
    pub(super) fn close(&self) {
        let mut open = self.open();
        open.is_closed = true;
        open.doorbells.values().for_each(|doorbell| doorbell.close(CloseReason::ShuttingDown));
    }

    fn noticed(&self, doorbell: &Doorbell, notice: SessionNotice, now: Instant) {
        match notice {
            SessionNotice::Opened { bridge, session } if bridge == self.bridge => {
                // Which of this bridge's own is the newest was decided when it entered.
                if session == doorbell.session {
                    doorbell.announced();
                }
            }
            SessionNotice::Opened { .. } if doorbell.is_older_than_what_is_announced(now) => {
                doorbell.close(CloseReason::Replaced);
            }
            SessionNotice::Revoked { token } if token == doorbell.token => {
                doorbell.close(CloseReason::Revoked);
            }
            SessionNotice::Opened { .. } | SessionNotice::Revoked { .. } => {}
        }
    }

    fn with(&self, device: &Mailbox, ring: impl FnOnce(&Doorbell)) {
        if let Some(doorbell) = self.open().doorbells.get(device) {
            ring(doorbell);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing is left half done by a panic in here.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn own(&self) -> &Mailbox {
        &self.own
    }

    pub(super) fn doorbell(&self) -> &Arc<Doorbell> {
        &self.doorbell
    }

    /// What other bridges have to be told.
    pub(super) fn announcement(&self) -> SessionNotice {
        SessionNotice::Opened { bridge: self.sessions.bridge, session: self.doorbell.session }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sessions.open();
        if open.doorbells.get(&self.own).is_some_and(|there| Arc::ptr_eq(there, &self.doorbell)) {
            open.doorbells.remove(&self.own);
            // Room for twelve thousand is not kept for the few that are left.
            if open.doorbells.len() * 4 < open.doorbells.capacity() {
                open.doorbells.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::DeviceId;

    use super::*;

    const HERE: u64 = 1;
    const ELSEWHERE: u64 = 2;

    fn sessions() -> Arc<Sessions> {
        Arc::new(Sessions::new(HERE))
    }

    fn alice() -> Mailbox {
        Mailbox::new("alice".parse().unwrap(), DeviceId::FIRST)
    }

    fn enter(sessions: &Arc<Sessions>, session: u64) -> Place {
        sessions.enter(alice(), Doorbell::new(session, 70 + session, Instant::now()))
    }

    fn opened(bridge: u64, session: u64) -> Hint {
        Hint::Notice { device: alice(), notice: SessionNotice::Opened { bridge, session } }
    }

    #[test]
    fn the_newest_connection_of_a_bridge_wins() {
        let sessions = sessions();
        let older = enter(&sessions, 1);
        let newer = enter(&sessions, 2);
        assert_eq!(older.doorbell().closing(), Some(CloseReason::Replaced));
        drop(older);
        assert_eq!(sessions.count(), 1, "the older one takes its own place along only");
        // The older one's announcement comes late.
        sessions.heard(opened(HERE, 1), Instant::now());
        assert_eq!(newer.doorbell().closing(), None);
        drop(newer);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn of_two_bridges_the_one_that_is_announced_last_wins() {
        let sessions = sessions();
        let place = enter(&sessions, 1);
        let now = Instant::now();
        sessions.heard(opened(ELSEWHERE, 9), now);
        assert_eq!(place.doorbell().closing(), None, "that one was announced before");
        sessions.heard(opened(HERE, 1), now);
        assert_eq!(place.doorbell().closing(), None);
        sessions.heard(opened(ELSEWHERE, 10), now);
        assert_eq!(place.doorbell().closing(), Some(CloseReason::Replaced));
    }

    #[test]
    fn a_revoked_token_ends_what_was_opened_with_it() {
        let sessions = sessions();
        let place = enter(&sessions, 1);
        let revoked =
            |token| Hint::Notice { device: alice(), notice: SessionNotice::Revoked { token } };
        sessions.heard(revoked(70), Instant::now());
        assert_eq!(place.doorbell().closing(), None);
        sessions.heard(revoked(71), Instant::now());
        assert_eq!(place.doorbell().closing(), Some(CloseReason::Revoked));
    }

    #[test]
    fn whoever_comes_while_the_bridge_stops_is_told_so() {
        let sessions = sessions();
        let before = enter(&sessions, 1);
        sessions.close();
        let after = enter(&sessions, 2);
        for place in [before, after] {
            assert_eq!(place.doorbell().closing(), Some(CloseReason::ShuttingDown));
        }
    }
}

//! What has arrived and was not taken yet, and who waits for which answer of the relay.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sysmaint_protocol::{Timestamp, TransferId, limits::WINDOW};
use tokio::sync::{Notify, oneshot, watch};

use crate::PublishError;

/// Answers that are waited for at once, of each kind. Those whose asker gave up are forgotten
/// first.
const WAITING: usize = 1024;

/// Shared by the connection and those who use it.
#[derive(Default)]
pub(super) struct Ledger {
    state: Mutex<State>,
    arrived: Notify,
    /// Another connection of this device took over.
    replaced: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// Counts connections; what belongs to an earlier one means nothing any more.
    session: u64,
    connected: bool,
    arrivals: VecDeque<Arrival>,
    acknowledged: HashMap<u64, oneshot::Sender<()>>,
    sent: HashMap<TransferId, oneshot::Sender<Result<(), PublishError>>>,
}

/// One delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) session: u64,
    pub(super) seq: u64,
    pub(super) transfer_id: Option<TransferId>,
    pub(super) stored_at: Timestamp,
    pub(super) envelope: Vec<u8>,
}

/// The relay sends more than it may without an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WindowExceeded;

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another connection of this device took over, and this one waits.
    pub(super) fn stand_by(&self) {
        self.replaced.send_replace(true);
    }

    /// Whether that is so, as it changes.
    pub(super) fn stands_by(&self) -> watch::Receiver<bool> {
        self.replaced.subscribe()
    }

    /// A connection is there; its number.
    pub(super) fn begin(&self) -> u64 {
        self.replaced.send_replace(false);
        let mut state = self.state();
        state.session += 1;
        state.connected = true;
        state.session
    }

    /// It is gone, and everything that was in flight on it. Whoever waits for an answer learns it
    /// by the drop of the other end.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.connected = false;
        state.arrivals.clear();
        state.acknowledged.clear();
        state.sent.clear();
    }

    /// Whether this connection is still there.
    pub(super) fn is_current(&self, session: u64) -> bool {
        let state = self.state();
        state.connected && state.session == session
    }

    /// Keeps a delivery until it is taken.
    pub(super) fn arrive(&self, arrival: Arrival) -> Result<(), WindowExceeded> {
        let mut state = self.state();
        if state.arrivals.len() >= WINDOW {
            return Err(WindowExceeded);
        }
        state.arrivals.push_back(arrival);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for at least one delivery; at most `max`, oldest first. Safe to cancel.
    pub(super) async fn take(&self, max: usize) -> Vec<Arrival> {
        loop {
            {
                let arrivals = &mut self.state().arrivals;
                let count = arrivals.len().min(max.max(1));
                if count > 0 {
                    return arrivals.drain(..count).collect();
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Somebody waits for an acknowledgement to be confirmed; false if too many do.
    pub(super) fn expect_acknowledged(&self, seq: u64, reply: oneshot::Sender<()>) -> bool {
        let waiting = &mut self.state().acknowledged;
        if waiting.len() >= WAITING {
            waiting.retain(|_, reply| !reply.is_closed());
        }
        let room = waiting.len() < WAITING;
        if room {
            waiting.insert(seq, reply);
        }
        room
    }

    /// Somebody waits for an envelope to be stored; false if too many do.
    pub(super) fn expect_sent(
        &self,
        id: TransferId,
        reply: oneshot::Sender<Result<(), PublishError>>,
    ) -> bool {
        let waiting = &mut self.state().sent;
        if waiting.len() >= WAITING {
            waiting.retain(|_, reply| !reply.is_closed());
        }
        let room = waiting.len() < WAITING;
        if room {
            waiting.insert(id, reply);
        }
        room
    }

    /// The relay has removed these.
    pub(super) fn acknowledged(&self, seqs: &[u64]) {
        let waiting = &mut self.state().acknowledged;
        for reply in seqs.iter().filter_map(|seq| waiting.remove(seq)) {
            // Whoever asked may have given up.
            let _ = reply.send(());
        }
    }

    /// The relay has said what became of an envelope.
    pub(super) fn sent(&self, id: TransferId, outcome: Result<(), PublishError>) {
        let reply = self.state().sent.remove(&id);
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(session: u64, seq: u64) -> Arrival {
        Arrival {
            session,
            seq,
            transfer_id: None,
            stored_at: Timestamp::default(),
            envelope: vec![1],
        }
    }

    #[tokio::test]
    async fn deliveries_are_taken_in_order_and_not_after_their_connection() {
        let ledger = Ledger::default();
        let session = ledger.begin();
        for seq in [3, 5, 9] {
            ledger.arrive(arrival(session, seq)).unwrap();
        }
        let seqs: Vec<_> = ledger.take(2).await.iter().map(|arrival| arrival.seq).collect();
        assert_eq!(seqs, [3, 5]);
        ledger.end();
        assert!(!ledger.is_current(session));
        let next = ledger.begin();
        ledger.arrive(arrival(next, 3)).unwrap();
        assert_eq!(ledger.take(9).await, [arrival(next, 3)]);
    }

    #[test]
    fn no_more_is_kept_than_the_window() {
        let ledger = Ledger::default();
        let session = ledger.begin();
        let window = u64::try_from(WINDOW).unwrap();
        for seq in 0..window {
            ledger.arrive(arrival(session, seq)).unwrap();
        }
        assert_eq!(ledger.arrive(arrival(session, window)), Err(WindowExceeded));
    }

    #[tokio::test]
    async fn a_lost_connection_answers_everybody_who_waits() {
        let ledger = Ledger::default();
        ledger.begin();
        let (reply, sent) = oneshot::channel();
        assert!(ledger.expect_sent(TransferId::from_bytes([1; 16]), reply));
        let (reply, acknowledged) = oneshot::channel();
        assert!(ledger.expect_acknowledged(7, reply));
        ledger.end();
        assert!(sent.await.is_err() && acknowledged.await.is_err());
    }
}

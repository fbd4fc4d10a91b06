//! What became of a listener's connections, as numbers.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was let in.
    Accepted,
    /// The system could not hand it over.
    AcceptFailed,
    /// It was cut at the end of the shutdown.
    Cut,
    /// It waited too long for its next request, as unused ones do.
    Idle,
    /// What it sent was not HTTP, or too large.
    Malformed,
    /// It was refused: the listener was full.
    RefusedFull,
    /// It was refused: its peer had too many.
    RefusedPeer,
    /// Its request line and headers took too long.
    SlowHeaders,
    /// It took nothing of what was sent to it.
    Stalled,
    /// There was no TLS handshake.
    TlsFailed,
}

impl Outcome {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Accepted, "accepted"),
        (Self::AcceptFailed, "accept_failed"),
        (Self::Cut, "cut"),
        (Self::Idle, "idle"),
        (Self::Malformed, "malformed"),
        (Self::RefusedFull, "refused_full"),
        (Self::RefusedPeer, "refused_peer"),
        (Self::SlowHeaders, "slow_headers"),
        (Self::Stalled, "stalled"),
        (Self::TlsFailed, "tls_failed"),
    ];
}

/// One number for each outcome, and how many connections have become sockets.
#[derive(Debug, Default)]
pub(super) struct Stats {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    sockets: AtomicUsize,
}

impl Stats {
    pub(super) fn count(&self, outcome: Outcome) {
        self.count_many(outcome, 1);
    }

    pub(super) fn count_many(&self, outcome: Outcome, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.outcomes[outcome as usize].fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn socket_opened(&self) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn socket_closed(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many sockets are open.
    pub(super) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// What has happened since the start, by name.
    pub(super) fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        let number = |outcome: Outcome| self.outcomes[outcome as usize].load(Ordering::Relaxed);
        Outcome::ALL.into_iter().map(|(outcome, name)| (name, number(outcome))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_number_of_its_own() {
        let stats = Stats::default();
        for (index, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            stats.count_many(outcome, index + 1);
        }
        let mut numbers: Vec<_> = stats.outcomes().into_values().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    }
}

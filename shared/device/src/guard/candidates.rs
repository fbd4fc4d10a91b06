//! Which states of a session a message may be tried against, and how far it may move them.

use sysmaint_protocol::Address;

use super::{Rejected, pq_ratchet::Position};
use crate::{
    archive::{Record, State},
    store::{PeerStore, StoreError},
};

/// Steps that a counter, or a post-quantum index, may be ahead of the state it is tried against.
///
/// Each skipped step derives a key and copies those that are kept already, before anything is
/// authenticated: with `kept` of them there, `n` steps copy `n · (kept + n / 2)` keys in each
/// state, and the whole record is read and copied besides. A forgery may cost 5 ms. Measured over
/// 200 000 forgeries with these three bounds ([`ARCHIVED_MAX`](crate::archive::ARCHIVED_MAX),
/// [`SKIPPED_MAX`](crate::archive::SKIPPED_MAX)): 2.9 ms at most. With 4 archived states and 256
/// kept keys it was 8 ms. `make bench` prints what each costs libsignal alone.
///
/// Honest gaps come from lost messages only: a telemetry window holds 30 of them, receipts start
/// a new chain at least every 50, and what is further ahead is repaired.
pub(crate) const JUMP_MAX: u32 = 128;

/// A session record, taken apart by what a message may belong to.
#[derive(Clone, Default)]
pub(crate) struct Candidates {
    /// What libsignal is shown; `None` where there is no session.
    pub(crate) shown: Option<Record>,
    /// What it is not shown.
    pub(crate) aside: Record,
}

impl Candidates {
    /// For sealing: the current state alone.
    pub(crate) fn current(store: &dyn PeerStore, peer: Address) -> Result<Self, StoreError> {
        let record = super::record(store, peer)?;
        Ok(record.map_or_else(Self::default, |Record { current, archived }| Self {
            shown: Some(Record { current, archived: Vec::new() }),
            aside: Record { current: None, archived },
        }))
    }

    /// For a message of an established session. One that continues a chain is tried against the
    /// states that have this chain, and no other: where it is new, every step from the first one
    /// would have to be gone.
    pub(crate) fn continuing(
        record: Record,
        states: &[Option<State>],
        ratchet_key: &[u8],
        counter: u32,
        pq: Position,
    ) -> Result<Self, Rejected> {
        let next = |state: &State| state.next_counter(ratchet_key);
        let continues = states.iter().flatten().any(|state| next(state).is_some());
        let distance = |state: &Option<State>| {
            let state = state.as_ref().filter(|state| !continues || next(state).is_some())?;
            Some(ahead(state, next(state), counter, pq))
        };
        let distances: Vec<_> = states.iter().map(distance).collect();
        match distances.iter().flatten().min() {
            Some(least) if *least > JUMP_MAX => Err(Rejected::Jump(*least)),
            _ => Ok(Self::of(record, |place| {
                distances[place].is_some_and(|distance| distance <= JUMP_MAX)
            })),
        }
    }

    /// For a message that opens a session: the state that this base key opened before, or none.
    pub(crate) fn opening(
        record: Record,
        states: &[Option<State>],
        base_key: &[u8],
        ratchet_key: &[u8],
        counter: u32,
        pq: Position,
    ) -> Result<Self, Rejected> {
        let mut readable =
            states.iter().enumerate().filter_map(|(at, it)| Some((at, it.as_ref()?)));
        let opened = readable.find(|(_, state)| state.was_opened_with(base_key));
        let distance = match opened {
            Some((_, state)) => ahead(state, state.next_counter(ratchet_key), counter, pq),
            None => counter.max(pq.index.saturating_sub(1)),
        };
        if distance > JUMP_MAX {
            return Err(Rejected::Jump(distance));
        }
        Ok(Self::of(record, |place| opened.is_some_and(|(opened, _)| opened == place)))
    }

    /// With those states shown for whose place this is true.
    fn of(record: Record, is_shown: impl Fn(usize) -> bool) -> Self {
        let (shown, aside) = record.split((0..).map(is_shown));
        Self { shown: Some(shown), aside }
    }
}

/// How many keys a state would have to skip.
fn ahead(state: &State, next: Option<u32>, counter: u32, pq: Position) -> u32 {
    // A message of an epoch is sealed with a key of the epoch before, and those count from 1.
    let pq_latest = pq.epoch.checked_sub(1).map_or(0, |epoch| state.pq_index(epoch));
    let pq_skipped = pq.index.saturating_sub(pq_latest).saturating_sub(1);
    counter.saturating_sub(next.unwrap_or(0)).max(pq_skipped)
}

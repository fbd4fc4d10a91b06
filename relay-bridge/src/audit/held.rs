//! Rows that name a handle, held back for a while and written in random order: else the order of
//! rows would tell which of them belong together, and so who asked for whom.

use rand::{Rng, seq::SliceRandom as _};
use sysmaint_store::audit::AuditEvent;

/// So many are written early.
const CROWD: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Held(Vec<AuditEvent>);

impl Held {
    /// Holds one back; true if it is time to write all of them.
    pub(super) fn add(&mut self, event: AuditEvent) -> bool {
        self.0.push(event);
        self.0.len() >= CROWD
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, in random order.
    pub(super) fn take(&mut self, rng: &mut impl Rng) -> Vec<AuditEvent> {
        let mut events = std::mem::take(&mut self.0);
        events.shuffle(rng);
        events
    }

    /// Holds them back once more.
    pub(super) fn put_back(&mut self, events: Vec<AuditEvent>) {
        self.0.extend(events);
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn what_is_held_back_comes_once_and_in_another_order() {
        let mut held = Held::default();
        let event = |number: usize| AuditEvent::BridgeStarted { version: number.to_string() };
        let events: Vec<_> = (0..CROWD).map(event).collect();
        let crowded: Vec<_> = events.iter().map(|event| held.add(event.clone())).collect();
        assert_eq!(crowded.iter().position(|crowded| *crowded), Some(CROWD - 1));
        let taken = held.take(&mut StdRng::seed_from_u64(1));
        assert!(taken != events && events.iter().all(|event| taken.contains(event)));
        assert_eq!((taken.len(), held.len()), (CROWD, 0));
    }
}

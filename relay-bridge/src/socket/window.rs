//! Which deliveries of a connection are on their way, and which of them may be removed.

use std::collections::VecDeque;

use sysmaint_protocol::{audit::Digest, limits::WINDOW};

/// Deliveries that are removed one by one, at most this many at once.
const SINGLES: usize = 64;

/// Everything that was delivered on this connection and is still in the mailbox.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// By sequence, oldest first.
    deliveries: VecDeque<Delivery>,
}

#[derive(Clone, Copy, Debug)]
struct Delivery {
    sequence: u64,
    /// Of the envelope's bytes, for the audit.
    digest: Digest,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The client has not acknowledged it.
    Open,
    /// It has, and the broker is to remove it.
    Acknowledged,
    /// The broker has been asked to.
    Leaving,
}

/// What the broker is to remove next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// Everything up to the last of these: nothing older is still needed.
    Through(Vec<u64>),
    /// These alone: something older is still needed.
    Each(Vec<u64>),
}

/// A number that stands for no delivery of this connection, or for one that is gone already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotDelivered;

impl Window {
    /// How many more may be delivered.
    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.deliveries.len())
    }

    /// Something was delivered, with a number above all before it.
    pub(super) fn deliver(&mut self, sequence: u64, digest: Digest) {
        self.deliveries.push_back(Delivery { sequence, digest, state: State::Open });
    }

    /// The client has stored it. Said twice is said once.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> Result<(), NotDelivered> {
        let delivery = self.find(sequence).ok_or(NotDelivered)?;
        if delivery.state == State::Open {
            delivery.state = State::Acknowledged;
        }
        Ok(())
    }

    /// How many acknowledged ones wait for their removal.
    pub(super) fn acknowledged(&self) -> usize {
        self.deliveries.iter().filter(|delivery| delivery.state == State::Acknowledged).count()
    }

    /// Takes what can be removed in one go; it is on its way until [`Self::removed`] or
    /// [`Self::kept`].
    ///
    /// What stands before everything else was delivered without a gap, so that nothing in the
    /// mailbox up to its last one is needed.
    pub(super) fn next_removal(&mut self) -> Option<Removal> {
        let acknowledged = |delivery: &&mut Delivery| delivery.state == State::Acknowledged;
        let leave = |delivery: &mut Delivery| {
            delivery.state = State::Leaving;
            delivery.sequence
        };
        let head: Vec<_> = self.deliveries.iter_mut().take_while(acknowledged).map(leave).collect();
        if !head.is_empty() {
            return Some(Removal::Through(head));
        }
        let each: Vec<_> =
            self.deliveries.iter_mut().filter(acknowledged).take(SINGLES).map(leave).collect();
        (!each.is_empty()).then_some(Removal::Each(each))
    }

    /// What a removal is about, as the audit names it.
    pub(super) fn digests(&self, removal: &Removal) -> Vec<Digest> {
        let named =
            |delivery: &&Delivery| removal.sequences().binary_search(&delivery.sequence).is_ok();
        self.deliveries.iter().filter(named).map(|delivery| delivery.digest).collect()
    }

    /// The broker has removed these.
    pub(super) fn removed(&mut self, sequences: &[u64]) {
        self.deliveries.retain(|delivery| sequences.binary_search(&delivery.sequence).is_err());
    }

    /// The broker did not say that it has: it must be asked again.
    pub(super) fn kept(&mut self) {
        for delivery in &mut self.deliveries {
            if delivery.state == State::Leaving {
                delivery.state = State::Acknowledged;
            }
        }
    }

    fn find(&mut self, sequence: u64) -> Option<&mut Delivery> {
        let at = self.deliveries.binary_search_by_key(&sequence, |delivery| delivery.sequence);
        self.deliveries.get_mut(at.ok()?)
    }
}

impl Removal {
    /// What it is about, ascending.
    pub(super) fn sequences(&self) -> &[u64] {
        match self {
            Self::Through(sequences) | Self::Each(sequences) => sequences,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(sequence: u64) -> Digest {
        Digest::from_bytes([sequence.to_be_bytes()[7]; 32])
    }

    fn window(delivered: &[u64]) -> Window {
        let mut window = Window::default();
        for sequence in delivered {
            window.deliver(*sequence, digest(*sequence));
        }
        window
    }

    #[test]
    fn what_stands_at_the_head_is_removed_in_one_go() {
        let mut window = window(&[3, 5, 9, 12]);
        for sequence in [5, 3, 12] {
            window.acknowledge(sequence).unwrap();
        }
        let removal = window.next_removal().unwrap();
        assert_eq!(removal, Removal::Through(vec![3, 5]));
        assert_eq!(window.digests(&removal), [digest(3), digest(5)]);
        // On its way: what stands behind it is not at the head yet.
        assert_eq!(window.next_removal(), Some(Removal::Each(vec![12])));
        window.removed(&[3, 5]);
        window.acknowledge(9).unwrap();
        assert_eq!(window.next_removal(), Some(Removal::Through(vec![9])));
        assert_eq!(window.next_removal(), None);
        window.removed(&[9]);
        window.removed(&[12]);
        assert_eq!(window.room(), WINDOW);
    }

    #[test]
    fn nothing_older_is_taken_along_with_a_single_one() {
        let mut window = window(&[1, 2, 3]);
        window.acknowledge(2).unwrap();
        assert_eq!(window.next_removal(), Some(Removal::Each(vec![2])));
        window.removed(&[2]);
        window.acknowledge(3).unwrap();
        assert_eq!(window.next_removal(), Some(Removal::Each(vec![3])));
        window.removed(&[3]);
        window.acknowledge(1).unwrap();
        assert_eq!(window.next_removal(), Some(Removal::Through(vec![1])));
    }

    #[test]
    fn only_what_was_delivered_can_be_acknowledged() {
        let mut window = window(&[4, 6]);
        for foreign in [0, 3, 5, 7, u64::MAX] {
            assert_eq!(window.acknowledge(foreign), Err(NotDelivered), "{foreign}");
        }
        window.acknowledge(4).unwrap();
        window.acknowledge(4).unwrap();
        assert_eq!(window.acknowledged(), 1);
        let removal = window.next_removal().unwrap();
        window.acknowledge(4).unwrap();
        assert_eq!(window.next_removal(), None, "it is on its way already");
        window.removed(removal.sequences());
        assert_eq!(window.acknowledge(4), Err(NotDelivered));
    }

    #[test]
    fn what_was_not_confirmed_is_asked_for_again() {
        let mut window = window(&[1, 2]);
        window.acknowledge(1).unwrap();
        let first = window.next_removal();
        window.kept();
        assert_eq!(window.next_removal(), first);
    }

    #[test]
    fn the_window_is_full_until_the_broker_has_removed_something() {
        let all: Vec<u64> = (1..=256).collect();
        let mut window = window(&all);
        assert_eq!(window.room(), 0);
        window.acknowledge(1).unwrap();
        assert_eq!(window.room(), 0);
        let removal = window.next_removal().unwrap();
        window.removed(removal.sequences());
        assert_eq!(window.room(), 1);
    }
}

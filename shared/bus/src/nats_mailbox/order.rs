//! Keeping a mailbox in order when deliveries were lost with a reader or a connection.
//!
//! What was delivered and not acknowledged comes again after a while, and the server hands out
//! newer mail in the meantime. A receiver must not see that: libsignal keeps the keys of the last
//! few turns of a conversation only, and an envelope that is overtaken by too many others cannot
//! be opened any more. So newer mail is held until what is missing has come.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// In the stream.
    pub(super) stream: u64,
    /// Among everything that the consumer has delivered, to whomever; each delivery has its own.
    pub(super) consumer: u64,
    /// Whether it was delivered before.
    pub(super) again: bool,
}

/// Hands out deliveries in the order of the stream.
#[derive(Debug)]
pub(super) struct Order<T> {
    /// The consumer's next delivery.
    next: u64,
    /// Deliveries that went elsewhere and are to come again.
    missing: usize,
    /// When they must have come.
    until: Option<Instant>,
    /// How long that takes.
    patience: Duration,
    /// Whether `missing` is a guess from above.
    in_doubt: bool,
    held: BTreeMap<u64, T>,
    ready: VecDeque<T>,
}

impl<T> Order<T> {
    /// For a consumer that has made `delivered` deliveries, of which `unacknowledged` come again
    /// within `patience`.
    pub(super) fn new(
        delivered: u64,
        unacknowledged: usize,
        patience: Duration,
        now: Instant,
    ) -> Self {
        Self {
            next: delivered.saturating_add(1),
            missing: unacknowledged,
            until: (unacknowledged > 0).then(|| now + patience),
            patience,
            in_doubt: false,
            held: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes a delivery in.
    pub(super) fn arrived(&mut self, place: Place, delivery: T, now: Instant) {
        if place.consumer > self.next {
            let lost = usize::try_from(place.consumer - self.next).unwrap_or(usize::MAX);
            self.missing = self.missing.saturating_add(lost);
            self.until = Some(now + self.patience);
            self.in_doubt = true;
        }
        // A lower number is a server that forgot its latest deliveries: it makes them again.
        self.next = place.consumer.saturating_add(1);
        if self.until.is_none() {
            self.ready.push_back(delivery);
            return;
        }
        if self.held.insert(place.stream, delivery).is_none() && place.again {
            self.missing = self.missing.saturating_sub(1);
        }
        self.release_if_complete();
    }

    /// Whether the server should be asked how many deliveries are unacknowledged.
    pub(super) const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// The server's answer: deliveries that are unacknowledged, those that are held among them.
    pub(super) fn unacknowledged(&mut self, count: usize) {
        self.in_doubt = false;
        self.missing = self.missing.min(count.saturating_sub(self.held.len()));
        self.release_if_complete();
    }

    /// When something may be taken that cannot be taken now.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.until.filter(|_| !self.held.is_empty())
    }

    /// The next delivery, if it is its turn.
    pub(super) fn take(&mut self, now: Instant) -> Option<T> {
        if self.until.is_some_and(|until| until <= now) {
            self.release();
        }
        self.ready.pop_front()
    }

    fn release_if_complete(&mut self) {
        if self.missing == 0 {
            self.release();
        }
    }

    fn release(&mut self) {
        self.missing = 0;
        self.until = None;
        self.in_doubt = false;
        self.ready.extend(std::mem::take(&mut self.held).into_values());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn first(stream: u64, consumer: u64) -> Place {
        Place { stream, consumer, again: false }
    }

    fn again(stream: u64, consumer: u64) -> Place {
        Place { stream, consumer, again: true }
    }

    fn all(order: &mut Order<u64>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| order.take(now)).collect()
    }

    #[test]
    fn deliveries_without_a_gap_pass_at_once() {
        let now = Instant::now();
        let mut order = Order::new(0, 0, PATIENCE, now);
        order.arrived(first(7, 1), 7, now);
        order.arrived(first(9, 2), 9, now);
        // Its acknowledgement was lost.
        order.arrived(again(7, 3), 7, now);
        assert_eq!(all(&mut order, now), [7, 9, 7]);
        assert_eq!(order.wakes_at(), None);
    }

    #[test]
    fn what_an_earlier_reader_left_comes_before_newer_mail() {
        let now = Instant::now();
        let mut order = Order::new(2, 2, PATIENCE, now);
        order.arrived(first(3, 3), 3, now);
        order.arrived(again(1, 4), 1, now);
        assert!(all(&mut order, now).is_empty());
        order.arrived(again(2, 5), 2, now);
        assert_eq!(all(&mut order, now), [1, 2, 3]);
        order.arrived(first(4, 6), 4, now);
        assert_eq!(all(&mut order, now), [4]);
    }

    #[test]
    fn what_was_lost_on_its_way_is_waited_for() {
        let now = Instant::now();
        let mut order = Order::new(0, 0, PATIENCE, now);
        order.arrived(first(1, 1), 1, now);
        order.arrived(first(4, 4), 4, now);
        order.arrived(first(5, 5), 5, now);
        assert!(order.is_in_doubt());
        order.unacknowledged(4);
        assert_eq!(all(&mut order, now), [1]);
        order.arrived(again(2, 6), 2, now);
        order.arrived(again(3, 7), 3, now);
        assert_eq!(all(&mut order, now), [2, 3, 4, 5]);
    }

    #[test]
    fn what_another_reader_acknowledged_is_not_waited_for() {
        let now = Instant::now();
        let mut order = Order::new(10, 0, PATIENCE, now);
        order.arrived(first(500, 500), 500, now);
        order.unacknowledged(1);
        assert_eq!(all(&mut order, now), [500]);
        assert!(!order.is_in_doubt());
    }

    #[test]
    fn what_does_not_come_is_waited_for_with_an_end() {
        let now = Instant::now();
        let mut order = Order::new(0, 0, PATIENCE, now);
        order.arrived(first(5, 3), 5, now);
        order.arrived(again(5, 4), 5, now);
        assert_eq!(order.wakes_at(), Some(now + PATIENCE));
        assert!(all(&mut order, now).is_empty());
        assert_eq!(all(&mut order, now + PATIENCE), [5]);
    }

    #[test]
    fn a_server_that_forgot_its_last_deliveries_makes_them_again_in_order() {
        let now = Instant::now();
        let mut order = Order::new(0, 0, PATIENCE, now);
        for number in [1, 2, 3] {
            order.arrived(first(number, number), number, now);
        }
        order.arrived(first(2, 2), 2, now);
        order.arrived(first(3, 3), 3, now);
        assert_eq!(all(&mut order, now), [1, 2, 3, 2, 3]);
    }
}

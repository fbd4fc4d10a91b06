//! The memory store keeps the rules of a store, and so does one that is loaded before a step and
//! gets one difference after it, as a browser's is.

use sysmaint_device::store::{Memory, Store};
use sysmaint_protocol::Timestamp;
use sysmaint_store_rules::sample::Rule;

use crate::participant::acquainted;

mod memory {
    sysmaint_store_rules::tests!(crate::stores::keeps);
}

fn keeps(rule: Rule) {
    rule(&mut Memory::default());
}

/// Stands for a database that is read and written between steps, and never in the middle of one.
#[derive(Default)]
struct Database {
    kept: Memory,
    written: usize,
}

impl Database {
    /// One step: load, work on the copy, write what differs.
    fn step<T>(&mut self, step: impl FnOnce(&mut dyn Store) -> T) -> T {
        let mut loaded = self.kept.clone();
        let answer = step(&mut loaded);
        let difference = loaded.difference(&self.kept);
        self.written = difference.rows();
        self.kept.apply(difference);
        assert!(self.kept == loaded, "the difference is not all that changed");
        answer
    }
}

#[test]
fn a_step_on_a_loaded_copy_writes_the_few_rows_that_it_changed() {
    let (_world, mut alice, mut bob) = acquainted();
    let mut database = Database { kept: bob.store.clone(), written: 0 };
    for number in 0..40 {
        // Bob's store is what the database has kept, and nothing else.
        let (_, sealed) = alice.say(&bob, &format!("text {number}"));
        let opened = database.step(|store| {
            let (bytes, stored_at) = (sealed.envelope().as_bytes(), bob.now);
            let incoming = sysmaint_device::Incoming { bytes, transfer_id: None, stored_at };
            bob.device.open_envelope(store, &mut bob.rng, bob.now, incoming).unwrap()
        });
        assert!(matches!(opened, sysmaint_device::Opened::Message { .. }), "{opened:?}");
        let few = 1..=12;
        assert!(few.contains(&database.written), "{number}: {} rows", database.written);
        // A second copy changes no session and delivers nothing.
        bob.store = database.kept.clone();
        assert_eq!(bob.open(&sealed), sysmaint_device::Opened::Duplicate);
    }
    assert_eq!(database.kept.inbox().len(), 40);

    // What was sealed on a copy that was never written must not leave the machine: it is not there.
    let later: Timestamp = bob.now.after(std::time::Duration::from_mins(2));
    database.step(|store| bob.device.send_due_receipts(store, &mut bob.rng, later).unwrap());
    let receipts = database.kept.take_outbox();
    assert!(!receipts.is_empty());
    for receipt in receipts {
        alice.open(&receipt);
    }
    assert_eq!(alice.store.delivered().len(), 40);
}

#[test]
fn a_step_that_is_not_written_has_never_been() {
    let (_world, mut alice, mut bob) = acquainted();
    let (_, sealed) = alice.say(&bob, "twice, since the first time was lost");
    let before = bob.store.clone();
    bob.open(&sealed);
    let difference = bob.store.difference(&before);
    assert!(difference.rows() > 0);
    bob.store = before;
    bob.open(&sealed);
    assert_eq!(bob.texts(), ["twice, since the first time was lost"]);
}

/// Every rule on a loaded copy, and all that it changed written back.
mod browser {
    sysmaint_store_rules::tests!(crate::stores::keeps_between_steps);
}

fn keeps_between_steps(rule: Rule) {
    Database::default().step(|store| rule(store));
}

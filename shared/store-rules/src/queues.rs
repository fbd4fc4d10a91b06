//! What goes out, what came in, and what is owed for it.

use sysmaint_device::store::{DeadLetter, DeadReason, Held, ReceiptDue, Store};
use sysmaint_protocol::{Address, Kind, Timestamp, limits::RECEIPT_DELAY};

use crate::sample::{NOW, address, content_id, deliver, know, queue, transfer_id};

/// Two senders may choose the same id.
pub fn a_message_is_delivered_once_for_each_sender(store: &mut dyn Store) {
    know(store, &[2, 3]);
    assert!(deliver(store, 2, 1, Kind::Text));
    assert!(!deliver(store, 2, 1, Kind::Text));
    assert!(!deliver(store, 2, 1, Kind::Prompt), "by its id, whatever it says");
    assert!(deliver(store, 3, 1, Kind::Text));
    assert!(deliver(store, 2, 2, Kind::Text));
}

fn due(store: &dyn Store, now: Timestamp, batch: usize) -> Vec<Address> {
    let due = store.receipts_due(now, batch).unwrap();
    let mut peers: Vec<Address> = due.into_iter().map(|ReceiptDue { peer }| peer).collect();
    peers.sort_unstable();
    peers
}

/// Whichever comes first, for each peer by itself.
pub fn receipts_are_due_by_time_or_by_number(store: &mut dyn Store) {
    know(store, &[2, 3]);
    let later = NOW.after(RECEIPT_DELAY);
    for id in 0..3 {
        store.owe_receipt(address(2), content_id(id), later).unwrap();
    }
    store.owe_receipt(address(3), content_id(9), later).unwrap();
    assert_eq!(due(store, NOW, 4), []);
    assert_eq!(due(store, NOW, 3), [address(2)]);
    assert_eq!(due(store, later, 4), [address(2), address(3)]);
    store.owe_receipt(address(3), content_id(10), NOW).unwrap();
    assert_eq!(due(store, NOW, 4), [address(3)]);
}

/// Due later than any receipt ever is: a peer would wait for it for ever.
pub fn receipts_are_due_when_the_clock_was_put_back(store: &mut dyn Store) {
    know(store, &[2]);
    let ahead = NOW.after(100 * RECEIPT_DELAY);
    store.owe_receipt(address(2), content_id(1), ahead).unwrap();
    assert_eq!(due(store, NOW, 50), [address(2)]);
}

/// What is left is taken next, and of nobody else.
pub fn receipts_are_taken_oldest_first_up_to_the_limit(store: &mut dyn Store) {
    know(store, &[2, 3]);
    for id in [5, 3, 4] {
        store.owe_receipt(address(2), content_id(id), NOW).unwrap();
        store.owe_receipt(address(3), content_id(100 + id), NOW).unwrap();
    }
    let taken = store.take_receipts(address(2), 2).unwrap();
    assert_eq!(taken, [content_id(5), content_id(3)]);
    assert_eq!(store.take_receipts(address(2), 2).unwrap(), [content_id(4)]);
    assert_eq!(store.take_receipts(address(2), 2).unwrap(), []);
    assert_eq!(store.take_receipts(address(3), 50).unwrap().len(), 3);
}

/// Ids are guessed by nobody, and yet whoever learns one may not confirm it.
pub fn only_the_recipient_of_a_message_confirms_it(store: &mut dyn Store) {
    know(store, &[2, 3]);
    queue(store, 2, 1, 1, Kind::Text);
    let delivered =
        |store: &dyn Store| store.sent_message(address(2), 1).unwrap().unwrap().delivered;
    store.note_delivered(address(3), &[content_id(1)], 30, NOW).unwrap();
    assert!(!delivered(store));
    store.note_delivered(address(2), &[content_id(7), content_id(1)], 30, NOW).unwrap();
    assert!(delivered(store));
}

/// A mailbox is opened in order. What is sealed after it may still come, and what went to others
/// too.
pub fn what_is_ephemeral_is_past_once_its_recipient_confirms_something_later(
    store: &mut dyn Store,
) {
    know(store, &[2, 3]);
    for (number, kind) in [(1, Kind::Delta), (2, Kind::Text), (3, Kind::Delta), (4, Kind::Text)] {
        queue(store, 2, number, number, kind);
        queue(store, 3, 10 + number, 10 + number, kind);
    }
    let past = |store: &dyn Store, to, number: u64| {
        store.sent_message(address(to), number).unwrap().unwrap().delivered
    };
    store.note_delivered(address(2), &[content_id(2)], 30, NOW).unwrap();
    assert!(past(store, 2, 1) && !past(store, 2, 3));
    assert!(!past(store, 3, 11));
    store.note_delivered(address(2), &[content_id(4)], 30, NOW).unwrap();
    assert!(past(store, 2, 3));
}

/// However much each of them sends.
pub fn senders_of_telemetry_are_counted_once(store: &mut dyn Store) {
    know(store, &[2, 3, 4]);
    assert_eq!(store.telemetry_senders().unwrap(), 0);
    for (from, content) in [(2, 1), (2, 2), (3, 1)] {
        assert!(deliver(store, from, content, Kind::Telemetry));
    }
    assert!(deliver(store, 4, 1, Kind::Text));
    assert_eq!(store.telemetry_senders().unwrap(), 2);
}

/// Of one sender, with all that is needed to open them later.
pub fn held_envelopes_are_taken_in_order_and_once(store: &mut dyn Store) {
    know(store, &[2, 3]);
    let held = |sender: u8, number: u16| Held {
        sender: address(sender),
        envelope: number.to_be_bytes().to_vec(),
        transfer_id: (number > 1).then(|| transfer_id(number)),
        stored_at: Timestamp::from_millis(NOW.as_millis() - u64::from(number)),
    };
    let all = [held(2, 1), held(2, 2), held(2, 3)];
    for one in &all {
        store.hold(one).unwrap();
        store.hold(&held(3, 9)).unwrap();
    }
    let taken = store.take_held(address(2)).unwrap();
    assert_eq!(taken, all);
    assert_eq!(store.take_held(address(2)).unwrap(), []);
    assert_eq!(store.take_held(address(3)).unwrap().len(), 3);
}

/// Who sealed it could often not be told.
pub fn a_letter_can_be_buried_without_a_sender(store: &mut dyn Store) {
    let letter = DeadLetter {
        sender: None,
        transfer_id: None,
        reason: DeadReason::NotAnEnvelope,
        stored_at: NOW,
    };
    store.bury(&letter).unwrap();
    let (sender, transfer_id) = (Some(address(2)), Some(transfer_id(1)));
    store.bury(&DeadLetter { sender, transfer_id, ..letter }).unwrap();
}

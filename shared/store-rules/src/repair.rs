//! Requests to resend: made, awaited, received and answered.

use std::time::Duration;

use sysmaint_device::store::{DeadReason, RetryDue, Store};
use sysmaint_protocol::{
    Kind, Timestamp,
    limits::{MAILBOX_MESSAGES, RETRIES_PER_HOUR},
};

use crate::sample::{NOW, address, content_id, know, queue, retry, transfer_id};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Digests are any 64 bits.
pub fn the_2000_latest_settled_envelopes_are_remembered(store: &mut dyn Store) {
    assert!(!store.was_settled(u64::MAX).unwrap());
    store.note_settled(u64::MAX).unwrap();
    for digest in 1..2_000 {
        store.note_settled(digest).unwrap();
    }
    assert!(store.was_settled(u64::MAX).unwrap());
    assert!((1..2_000).all(|digest| store.was_settled(digest).unwrap()));
    assert!(!store.was_settled(2_000).unwrap());
}

/// A copy of what is kept already needs no room.
pub fn what_waits_to_be_asked_for_is_kept_once_even_when_there_is_no_more_room(
    store: &mut dyn Store,
) {
    know(store, &[2, 3]);
    let room = u16::try_from(MAILBOX_MESSAGES).unwrap();
    for transfer in 1..=room {
        assert!(store.owe_retry(&retry(2, transfer), NOW).unwrap());
    }
    assert!(!store.owe_retry(&retry(2, room + 1), NOW).unwrap());
    assert!(store.owe_retry(&retry(2, 1), NOW).unwrap(), "it is kept already");
    assert!(store.owe_retry(&retry(3, 1), NOW).unwrap(), "room is each sender's own");
    assert!(store.take_retry(address(2), 1).unwrap().is_some());
    assert!(store.take_retry(address(2), 1).unwrap().is_none(), "it was kept twice");
}

fn due(store: &dyn Store, now: Timestamp) -> Vec<(u64, u32)> {
    let due = store.retries_due(now).unwrap();
    due.iter().map(|due| (due.transfer_id.repair_key(), due.asked)).collect()
}

/// Each time it says how often it was asked for.
pub fn requests_are_due_oldest_first_and_again_at_their_time(store: &mut dyn Store) {
    know(store, &[2]);
    for transfer in [5, 3, 4] {
        store.owe_retry(&retry(2, transfer), NOW).unwrap();
    }
    assert_eq!(due(store, NOW), [(5, 0), (3, 0), (4, 0)]);
    let later = NOW.after(MINUTE);
    store.note_retry(address(2), transfer_id(3), NOW, later).unwrap();
    assert_eq!(due(store, NOW), [(5, 0), (4, 0)]);
    assert_eq!(due(store, later), [(5, 0), (3, 1), (4, 0)]);
}

/// After the hour there is room again.
pub fn no_more_is_asked_than_the_hourly_budget_of_a_peer(store: &mut dyn Store) {
    know(store, &[2, 3]);
    let budget = u16::try_from(RETRIES_PER_HOUR).unwrap();
    for transfer in 1..=budget + 5 {
        store.owe_retry(&retry(2, transfer), NOW).unwrap();
    }
    assert_eq!(due(store, NOW).len(), usize::from(budget));
    let again = NOW.after(10 * HOUR);
    for transfer in 1..=budget {
        store.note_retry(address(2), transfer_id(transfer), NOW, again).unwrap();
    }
    store.owe_retry(&retry(3, 1), NOW).unwrap();
    let later = NOW.after(MINUTE);
    assert_eq!(due(store, later), [(1, 0)], "of the other peer");
    assert_eq!(due(store, NOW.after(2 * HOUR)).len(), 6);
}

/// The clock was put back since, and nobody waits for it to get there again.
pub fn a_request_that_was_asked_in_the_future_is_due(store: &mut dyn Store) {
    know(store, &[2]);
    let ahead = NOW.after(1_000 * HOUR);
    store.owe_retry(&retry(2, 1), ahead).unwrap();
    store.note_retry(address(2), transfer_id(1), ahead, ahead.after(HOUR)).unwrap();
    assert_eq!(due(store, ahead), []);
    assert_eq!(due(store, NOW), [(1, 1)]);
}

/// With all that was known of it, and only by its sender.
pub fn what_came_again_is_taken_once(store: &mut dyn Store) {
    know(store, &[2, 3]);
    store.owe_retry(&retry(2, 1), NOW).unwrap();
    store.note_retry(address(2), transfer_id(1), NOW, NOW.after(HOUR)).unwrap();
    assert_eq!(store.take_retry(address(3), 1).unwrap(), None);
    assert_eq!(store.take_retry(address(2), 2).unwrap(), None);
    let taken = RetryDue {
        peer: address(2),
        transfer_id: transfer_id(1),
        reason: DeadReason::NoSession,
        request: b"a request".to_vec(),
        stored_at: NOW,
        asked: 1,
    };
    assert_eq!(store.take_retry(address(2), 1).unwrap(), Some(taken));
    assert_eq!(store.take_retry(address(2), 1).unwrap(), None);
    store.count_repaired().unwrap();
}

/// Whoever asks more gets no more.
pub fn requests_of_a_peer_are_taken_oldest_first_within_its_budget(store: &mut dyn Store) {
    know(store, &[2, 3]);
    assert_eq!(store.resends_owed().unwrap(), []);
    for key in (0..u64::from(RETRIES_PER_HOUR)).rev() {
        assert!(store.owe_resend(address(2), key, NOW).unwrap());
    }
    assert!(!store.owe_resend(address(2), 1, NOW).unwrap());
    assert!(store.owe_resend(address(3), 1, NOW).unwrap());
    assert!(store.owe_resend(address(2), 7, NOW.after(2 * HOUR)).unwrap());
    let mut owed = store.resends_owed().unwrap();
    owed.sort_unstable();
    assert_eq!(owed, [address(2), address(3)]);
    assert_eq!(store.take_resends(address(2), 3).unwrap(), [99, 98, 97]);
    assert_eq!(store.take_resends(address(2), 98).unwrap().last(), Some(&7));
    assert_eq!(store.take_resends(address(2), 3).unwrap(), [0_u64; 0]);
    assert_eq!(store.resends_owed().unwrap(), [address(3)]);
}

/// A transfer id gives 63 of them, so that more is nobody's.
pub fn a_key_of_more_than_63_bits_names_nothing(store: &mut dyn Store) {
    know(store, &[2]);
    assert!(!store.owe_resend(address(2), u64::MAX, NOW).unwrap());
    assert_eq!(store.resends_owed().unwrap(), []);
    assert_eq!(store.take_retry(address(2), u64::MAX).unwrap(), None);
    assert_eq!(store.sent_message(address(2), u64::MAX).unwrap(), None);
}

/// By the key of any of them, and to one recipient.
pub fn the_send_log_has_the_latest_copy_and_counts_them(store: &mut dyn Store) {
    know(store, &[2, 3]);
    queue(store, 2, 1, 1, Kind::Text);
    queue(store, 3, 2, 1, Kind::Text);
    queue(store, 2, 3, 2, Kind::Prompt);
    queue(store, 2, 4, 1, Kind::Text);
    for key in [1, 4] {
        let sent = store.sent_message(address(2), key).unwrap().unwrap();
        assert_eq!(sent.content_id, content_id(1));
        assert_eq!((sent.kind, sent.copies, sent.delivered), (Kind::Text, 2, false));
        assert_eq!(sent.in_reply_to, Some(content_id(999)));
        assert_eq!(sent.body.as_deref(), Some(&b"said 1"[..]));
        assert_eq!(sent.sealed_at.as_millis(), NOW.as_millis() + 4);
    }
    assert_eq!(store.sent_message(address(2), 2).unwrap(), None, "that went to another");
    assert_eq!(store.sent_message(address(3), 2).unwrap().unwrap().copies, 1);
}

/// Its samples are sent again as new messages, or are there.
pub fn telemetry_that_was_refilled_or_confirmed_is_done_with(store: &mut dyn Store) {
    know(store, &[2]);
    for transfer in 1..=4 {
        queue(store, 2, transfer, transfer, Kind::Telemetry);
    }
    queue(store, 2, 5, 5, Kind::Text);
    let open = |store: &dyn Store| -> Vec<u64> {
        let sent = |key| store.sent_message(address(2), key).unwrap();
        (1..=5).filter(|key| sent(*key).is_some_and(|sent| !sent.delivered)).collect()
    };
    store.note_delivered(address(2), &[content_id(1)], 30, NOW).unwrap();
    assert_eq!(open(store), [2, 3, 4, 5]);
    assert_eq!(store.sent_message(address(2), 1).unwrap(), None, "nobody asks for it any more");
    store.refill_telemetry(address(2), Some(content_id(3)), NOW).unwrap();
    assert_eq!(open(store), [2, 4, 5]);
    store.refill_telemetry(address(2), None, NOW).unwrap();
    assert_eq!(open(store), [5], "a text is no telemetry");
}

//! Everybody else.

use sysmaint_device::store::{Candidate, Contact, Peer, Store, Trust};
use sysmaint_protocol::{DeviceId, Timestamp};

use crate::sample::{NOW, address, handle, key, know, peer};

/// libsignal's record is nothing to a store.
pub fn a_session_is_kept_to_the_byte_until_it_is_dropped(store: &mut dyn Store) {
    let (bob, carol) = (address(2), address(3));
    assert_eq!(store.session(bob).unwrap(), None);
    store.put_session(bob, b"one").unwrap();
    store.put_session(bob, b"\0two\xff").unwrap();
    store.put_session(carol, b"").unwrap();
    assert_eq!(store.session(bob).unwrap().as_deref(), Some(&b"\0two\xff"[..]));
    store.drop_session(bob).unwrap();
    assert_eq!(store.session(bob).unwrap(), None);
    assert_eq!(store.session(carol).unwrap().as_deref(), Some(&b""[..]));
    store.drop_session(bob).unwrap();
}

/// By what the function makes of each.
pub fn retired_sessions_are_rewritten_or_gone(store: &mut dyn Store) {
    store.put_session(address(2), b"old").unwrap();
    store.put_session(address(3), b"damaged").unwrap();
    let rewrite = |record: &[u8]| (record == b"old").then(|| b"new".to_vec());
    store.retire_sessions(&rewrite).unwrap();
    assert_eq!(store.session(address(2)).unwrap().as_deref(), Some(&b"new"[..]));
    assert_eq!(store.session(address(3)).unwrap(), None);
}

/// That is a fact that nothing later changes.
pub fn a_peer_is_replaced_but_for_when_it_was_first_seen(store: &mut dyn Store) {
    assert_eq!(store.peer(address(2)).unwrap(), None);
    know(store, &[2, 3]);
    let changed = Peer {
        identity_key: key(4),
        trust: Trust::Changed,
        candidate: Some(key(5)),
        registration_id: 6,
        first_seen: NOW,
    };
    let later = Timestamp::from_millis(NOW.as_millis() + 1);
    store.put_peer(address(2), &Peer { first_seen: later, ..changed.clone() }).unwrap();
    assert_eq!(store.peer(address(2)).unwrap(), Some(changed));
    assert_eq!(store.peer(address(3)).unwrap(), Some(peer(3)));
}

/// Another device may have it, and its device another key.
pub fn a_key_is_turned_down_for_one_device_and_for_ever(store: &mut dyn Store) {
    know(store, &[2]);
    store.reject_key(address(2), &key(4)).unwrap();
    store.reject_key(address(2), &key(4)).unwrap();
    know(store, &[2]);
    assert!(store.is_rejected(address(2), &key(4)).unwrap());
    assert!(!store.is_rejected(address(2), &key(5)).unwrap());
    assert!(!store.is_rejected(address(3), &key(4)).unwrap());
}

/// And all of them come by the order of their handles.
pub fn a_contact_is_found_by_its_handle_and_by_its_service_id(store: &mut dyn Store) {
    let contact = |number: u8, devices: &[u8]| Contact {
        service_id: address(number).service_id,
        devices: devices.iter().map(|device| DeviceId::try_from(*device).unwrap()).collect(),
        candidate: None,
    };
    let (bob, carol) = (handle("bob"), handle("carol"));
    store.put_contact(&carol, &contact(3, &[1])).unwrap();
    store.put_contact(&bob, &contact(2, &[1])).unwrap();
    let candidate = Some(Candidate { address: address(4), confirmed: true });
    let moved = Contact { candidate, ..contact(2, &[1, 2, 127]) };
    store.put_contact(&bob, &moved).unwrap();
    assert_eq!(store.contact(&bob).unwrap(), Some(moved.clone()));
    assert_eq!(store.contact(&handle("dave")).unwrap(), None);
    assert_eq!(store.handle_of(address(2).service_id).unwrap(), Some(bob.clone()));
    assert_eq!(store.handle_of(address(4).service_id).unwrap(), None);
    let all = vec![(bob, moved), (carol, contact(3, &[1]))];
    assert_eq!(store.contacts().unwrap(), all);
}

/// And what is noted of received ones changes nothing of that.
pub fn messages_to_a_peer_are_counted_from_1_and_for_each_peer(store: &mut dyn Store) {
    know(store, &[2, 3]);
    store.note_received(address(2), 40).unwrap();
    store.note_received(address(2), u64::MAX).unwrap();
    store.note_unopened(address(2)).unwrap();
    assert_eq!(store.last_sequence(address(2)).unwrap(), 0);
    assert_eq!(store.next_sequence(address(2)).unwrap(), 1);
    assert_eq!(store.next_sequence(address(2)).unwrap(), 2);
    assert_eq!(store.last_sequence(address(2)).unwrap(), 2);
    assert_eq!(store.next_sequence(address(3)).unwrap(), 1);
    know(store, &[2]);
    assert_eq!(store.next_sequence(address(2)).unwrap(), 3);
}

/// Whose key is not pinned is not sent to.
pub fn nothing_is_counted_for_a_peer_that_is_not_known(store: &mut dyn Store) {
    assert!(store.next_sequence(address(2)).is_err());
}

//! One's own prekeys.

use sysmaint_device::store::{PrekeyClass, PrekeyRecord, Store};

use crate::sample::{NOW, prekey};

const CLASSES: [PrekeyClass; 4] =
    [PrekeyClass::Ec, PrekeyClass::Kyber, PrekeyClass::LastResort, PrekeyClass::Signed];

/// Each class counts by itself.
pub fn a_prekey_is_found_in_its_class_alone_until_it_is_removed(store: &mut dyn Store) {
    for (class, after) in CLASSES.into_iter().zip(0..) {
        assert_eq!(store.prekey(class, 7).unwrap(), None);
        store.put_prekey(class, &prekey(7, after)).unwrap();
    }
    store.remove_prekey(PrekeyClass::Kyber, 7).unwrap();
    store.remove_prekey(PrekeyClass::Kyber, 7).unwrap();
    for (class, after) in CLASSES.into_iter().zip(0..) {
        let left = (class != PrekeyClass::Kyber).then(|| prekey(7, after));
        assert_eq!(store.prekey(class, 7).unwrap(), left, "{class:?}");
    }
}

/// Ids start anywhere and wrap, so that they say nothing about it.
pub fn prekeys_come_oldest_first(store: &mut dyn Store) {
    for (id, after) in [(0x00ff_fffe, 10), (1, 30), (0x00ff_ffff, 20), (500, 0)] {
        store.put_prekey(PrekeyClass::Signed, &prekey(id, after)).unwrap();
    }
    store.put_prekey(PrekeyClass::Ec, &prekey(3, 5)).unwrap();
    let ids = store.prekeys(PrekeyClass::Signed).unwrap();
    let ids: Vec<u32> = ids.iter().map(|prekey| prekey.id).collect();
    assert_eq!(ids, [500, 0x00ff_fffe, 0x00ff_ffff, 1]);
}

/// Every field of it.
pub fn a_prekey_that_is_put_again_replaces_the_former(store: &mut dyn Store) {
    store.put_prekey(PrekeyClass::Ec, &prekey(7, 0)).unwrap();
    let changed = PrekeyRecord { id: 7, uploaded: true, retired_at: Some(NOW), ..prekey(9, 3) };
    store.put_prekey(PrekeyClass::Ec, &changed).unwrap();
    assert_eq!(store.prekeys(PrekeyClass::Ec).unwrap(), [changed]);
}

/// Of all classes, and none that is made later.
pub fn every_prekey_is_marked_as_uploaded_at_once(store: &mut dyn Store) {
    for class in CLASSES {
        store.put_prekey(class, &prekey(1, 0)).unwrap();
    }
    store.mark_prekeys_uploaded().unwrap();
    for class in CLASSES {
        store.put_prekey(class, &prekey(2, 1)).unwrap();
        let uploaded = store.prekeys(class).unwrap();
        let uploaded: Vec<bool> = uploaded.iter().map(|prekey| prekey.uploaded).collect();
        assert_eq!(uploaded, [true, false]);
    }
}

/// A second time is a replay; another key of any of the three is not.
pub fn a_last_resort_prekey_is_noted_once_for_each_base_key(store: &mut dyn Store) {
    assert!(store.note_last_resort(1, 2, b"base").unwrap());
    assert!(!store.note_last_resort(1, 2, b"base").unwrap());
    assert!(store.note_last_resort(1, 2, b"another").unwrap());
    assert!(store.note_last_resort(1, 3, b"base").unwrap());
    assert!(store.note_last_resort(2, 2, b"base").unwrap());
    assert!(!store.note_last_resort(1, 2, b"base").unwrap());
}

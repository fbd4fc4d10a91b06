//! The device itself.

use sysmaint_device::store::Store;
use zeroize::Zeroizing;

use crate::sample::{NOW, local};

/// Before that there is none.
pub fn a_device_is_there_once_it_was_put(store: &mut dyn Store) {
    assert!(store.local().unwrap().is_none());
    store.put_local(&local()).unwrap();
    assert_eq!(store.local().unwrap(), Some(local()));
}

/// Every field of it.
pub fn a_device_that_is_put_again_replaces_the_former(store: &mut dyn Store) {
    store.put_local(&local()).unwrap();
    let mut changed = local();
    changed.registration_id = 8;
    changed.registered_as = 7;
    changed.renewed_at = NOW;
    changed.certificate = Some(vec![2; 200]);
    changed.certificate_expires_at = NOW;
    changed.token = Some(Zeroizing::new("a token".to_owned()));
    changed.next_prekey_id = 0x00ff_ffff;
    "another".clone_into(&mut changed.backend);
    store.put_local(&changed).unwrap();
    assert_eq!(store.local().unwrap(), Some(changed));
}

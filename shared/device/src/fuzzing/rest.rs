//! JSON of the directory, as far as it reaches a device or what a relay checks.

use serde::de::DeserializeOwned;
use sysmaint_protocol::{
    Handle,
    rest::{Bundle, DeliveryCertificate, PrekeyUpload, RegisterRequest, Registered},
};

use super::stage::{NOW, STAGE};
use crate::{
    key::IdentityKey,
    store::{Memory, PeerStore},
    verify,
};

/// A document of the kind that the first byte names.
pub fn rest(bytes: &[u8]) -> bool {
    let Some((kind, json)) = bytes.split_first() else { return false };
    match kind % 5 {
        0 => read(json).is_some_and(|bundle| bundle_is_used(&bundle)),
        1 => read(json).is_some_and(|answer: Registered| {
            let mut bob = STAGE.bob.clone();
            bob.device.complete_registration(&mut bob.store, &answer).is_ok()
        }),
        2 => read(json).is_some_and(|answer: DeliveryCertificate| {
            let mut bob = STAGE.bob.clone();
            bob.device.renew_certificate(&mut bob.store, &answer).is_ok()
        }),
        3 => read(json)
            .is_some_and(|request: RegisterRequest| verify::registration(&request).is_ok()),
        _ => {
            let key = &STAGE.bob.request.identity_key.0;
            let owner = IdentityKey::parse(key).unwrap();
            read(json).is_some_and(|upload: PrekeyUpload| verify::prekeys(&owner, &upload).is_ok())
        }
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

/// By whoever knows bob, and by whoever does not.
fn bundle_is_used(bundle: &Bundle) -> bool {
    let handle: Handle = "bob".parse().unwrap();
    let mut alice = STAGE.alice.clone();
    let (device, store, rng) = (alice.device.clone(), &mut alice.store, &mut alice.rng);
    let pinned = store.contact(&handle).unwrap().unwrap().service_id;
    let noted = device.note_bundle(store, NOW, &handle, bundle);
    let accepted = device.accept_bundle(store, rng, NOW, &handle, bundle);
    assert!(accepted.is_err() || bundle.service_id == pinned, "a handle was moved");
    let _ = device.standing(store, &handle);
    let mut stranger = Memory::default();
    let known = device.accept_bundle(&mut stranger, rng, NOW, &handle, bundle);
    assert!(noted.is_ok() || known.is_err(), "a bundle is good for a stranger only");
    known.is_ok()
}

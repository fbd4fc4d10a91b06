//! What a store hands back: it may be damaged, and must be no reason to panic.

use libsignal_protocol::SenderCertificate;
use sysmaint_protocol::limits::MAILBOX_AGE;

use super::stage::{NOW, STAGE, Stage};
use crate::{
    Device, archive,
    authority::Authority,
    bundle::has_usable_session,
    certificate::{self, Refused},
    key::IdentityKey,
    seal,
    store::{LocalStore, PeerStore, PrekeyClass, PrekeyRecord, PrekeyStore, Trust},
};
use zeroize::Zeroizing;

/// A session record, in every use of one.
pub fn session(bytes: &[u8]) -> bool {
    let stage = &*STAGE;
    let Stage { alice, waiting, first, .. } = stage;
    let mut bob = stage.bob.clone();
    let peer = alice.device.address();
    bob.store.put_session(peer, bytes).unwrap();
    let retired = archive::retire(bytes);
    if let Ok(retired) = &retired {
        assert!(!archive::is_current(retired, &stage.ratchet_key));
        assert_eq!(archive::retire(retired).unwrap(), *retired);
    }
    let usable = has_usable_session(&bob.store, peer, NOW).unwrap();
    let text = sysmaint_protocol::body::Text { text: "hello".into() };
    let (handle, mut sealing) = (alice.device.handle(), bob.clone());
    let sent = sealing.device.send(&mut sealing.store, &mut sealing.rng, NOW, handle, None, &text);
    assert!(usable || sent.is_err());
    for sealed in [&waiting[0], &waiting[3], first] {
        bob.open(sealed);
    }
    let kept = bob.store.session(peer).unwrap().unwrap_or_default().len();
    assert!(kept <= bytes.len() + 8 * 1024, "{kept} bytes from {}", bytes.len());
    usable
}

/// One part of the device itself, which the first byte names.
pub fn local(bytes: &[u8]) -> bool {
    let Some((part, bytes)) = bytes.split_first() else { return false };
    let mut bob = STAGE.bob.clone();
    let mut local = bob.store.local().unwrap().unwrap();
    match part % 4 {
        0 => local.identity_key_pair = Zeroizing::new(bytes.to_vec()),
        1 => local.trust_root = bytes.to_vec(),
        2 => local.certificate = Some(bytes.to_vec()),
        _ => local.backend = String::from_utf8_lossy(bytes).into_owned(),
    }
    let (handle, number, root) =
        (local.handle.clone(), local.address.device_id, local.trust_root.clone());
    bob.store.put_local(&local).unwrap();
    let opened = Device::open(&mut bob.store, &mut bob.rng, &handle, number, &root);
    let certificate = seal::certificate(&bob.store).is_ok();
    let Ok(device) = opened else { return false };
    device.certificate_due(&bob.store, NOW).unwrap();
    let text = sysmaint_protocol::body::Text { text: "hello".into() };
    let to = STAGE.alice.device.handle();
    let sent = device.send(&mut bob.store, &mut bob.rng, NOW, to, None, &text);
    assert!(certificate || sent.is_err());
    sent.is_ok()
}

/// A peer's key, as it arrives and as it is stored.
pub fn peer(bytes: &[u8]) -> bool {
    let parsed = IdentityKey::parse(bytes);
    if let Ok(key) = parsed {
        assert_eq!(IdentityKey::stored(bytes), Ok(key));
        assert_eq!(key.as_bytes()[..], *bytes);
    }
    let Ok(stored) = IdentityKey::stored(bytes) else { return false };
    let stage = &*STAGE;
    let mut bob = stage.bob.clone();
    let address = stage.alice.device.address();
    let mut known = bob.store.peer(address).unwrap().unwrap();
    (known.identity_key, known.trust) = (stored, Trust::Verified);
    bob.store.put_peer(address, &known).unwrap();
    let text = sysmaint_protocol::body::Text { text: "hello".into() };
    let to = stage.alice.device.handle();
    let _ = bob.device.send(&mut bob.store, &mut bob.rng, NOW, to, None, &text);
    bob.open(&stage.waiting[0]);
    parsed.is_ok()
}

/// One of our own prekeys, of the class that the first byte names.
pub fn prekey_record(bytes: &[u8]) -> bool {
    let Some((class, bytes)) = bytes.split_first() else { return false };
    let stage = &*STAGE;
    let mut bob = stage.bob.clone();
    let message = stage.opening();
    let (class, id) = match class % 4 {
        0 => (PrekeyClass::Ec, message.pre_key_id().unwrap().into()),
        1 => (PrekeyClass::Kyber, message.kyber_pre_key_id().unwrap().into()),
        2 => (PrekeyClass::Signed, message.signed_pre_key_id().into()),
        _ => (PrekeyClass::LastResort, message.kyber_pre_key_id().unwrap().into()),
    };
    let record = Zeroizing::new(bytes.to_vec());
    let prekey = PrekeyRecord { id, record, created_at: NOW, uploaded: false, retired_at: None };
    if class == PrekeyClass::LastResort {
        bob.store.remove_prekey(PrekeyClass::Kyber, id).unwrap();
    }
    bob.store.put_prekey(class, &prekey).unwrap();
    bob.open(&stage.first);
    let held =
        sysmaint_protocol::rest::PrekeyCount { one_time_prekeys: 100, one_time_kyber_prekeys: 100 };
    let later = NOW.after(MAILBOX_AGE);
    let (device, store, rng) = (bob.device.clone(), &mut bob.store, &mut bob.rng);
    store.put_prekey(class, &prekey).unwrap();
    device.prekey_upload(store, rng, later, held).is_ok()
}

/// A sender certificate.
pub fn certificate(bytes: &[u8]) -> bool {
    let root = STAGE.bob.device.trust_root;
    let chain = certificate::validate_chain(bytes, &root);
    let Ok(read) = SenderCertificate::deserialize(bytes) else {
        assert_eq!(chain, None);
        return false;
    };
    let valid = STAGE.bob.device.certificates.validate(&read, &root, NOW);
    assert_eq!(valid, STAGE.bob.device.certificates.validate(&read, &root, NOW));
    let believed = match valid {
        Ok(certified) | Err(Refused::Expired(certified)) => Some(certified),
        Err(Refused::Foreign) => None,
    };
    assert_eq!(believed, chain);
    valid.is_ok()
}

/// The certificate authority's file, once decrypted.
pub fn authority(bytes: &[u8]) -> bool {
    let Ok(authority) = Authority::from_bytes(bytes) else { return false };
    let again = authority.to_bytes().unwrap();
    assert_eq!(Authority::from_bytes(&again).unwrap().trust_root(), authority.trust_root());
    true
}

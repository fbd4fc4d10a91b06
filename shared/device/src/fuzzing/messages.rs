//! Messages, from the outer frame to the post-quantum ratchet's bytes.

use libsignal_protocol::{
    CiphertextMessageType, ContentHint, PreKeySignalMessage, SenderCertificate, SignalMessage,
    UnidentifiedSenderMessageContent, message_decrypt_prekey, message_decrypt_signal,
};
use sysmaint_protocol::TransferId;

use super::stage::{NOW, STAGE, Stage, rng};
use crate::{
    Incoming, Opened,
    device::protocol_address,
    guard::{self, Candidates},
    overlay::Overlay,
    repair,
    store::{LocalStore, Memory, PeerStore, Store},
};

/// An envelope in bob's mailbox.
pub fn open(bytes: &[u8]) -> bool {
    opens(&STAGE, bytes)
}

/// What a certified peer seals: a byte for the type, and the content.
pub fn content(bytes: &[u8]) -> bool {
    let Some((kind, content)) = bytes.split_first() else { return false };
    let kind = match kind % 4 {
        0 => CiphertextMessageType::Whisper,
        1 => CiphertextMessageType::PreKey,
        2 => CiphertextMessageType::SenderKey,
        _ => CiphertextMessageType::Plaintext,
    };
    let stage = &*STAGE;
    let alice = &stage.alice;
    let certificate = alice.store.local().unwrap().unwrap().certificate.unwrap();
    let certificate = SenderCertificate::deserialize(&certificate).unwrap();
    let hint = ContentHint::Default;
    let content =
        UnidentifiedSenderMessageContent::new(kind, certificate, content.to_vec(), hint, None)
            .unwrap();
    let to = stage.bob.device.address();
    let key = alice.store.peer(to).unwrap().unwrap().identity_key;
    let sealed =
        alice.device.seal_content(&alice.store as &dyn Store, &mut rng(7), to, key, &content);
    // More than an envelope holds.
    sealed.is_ok_and(|envelope| opens(stage, envelope.as_bytes()))
}

fn opens(stage: &Stage, bytes: &[u8]) -> bool {
    let mut bob = stage.bob.clone();
    let transfer_id = Some(TransferId::from_bytes([3; 16]));
    let opened = bob.open_incoming(Incoming { bytes, transfer_id, stored_at: NOW });
    let (before, after) = (&stage.bob.store, &bob.store);
    let known = |store: &Memory| store.dead().len() + store.awaited() + store.inbox().len();
    assert!(known(after) <= known(before) + 1, "one envelope has left several traces");
    if matches!(opened, Opened::Dead(_) | Opened::Retry(_)) {
        let peer = stage.alice.device.address();
        assert_eq!(after.session(peer).unwrap(), before.session(peer).unwrap());
        // What is refused is refused again, or was noted as settled.
        let again = bob.open_incoming(Incoming { bytes, transfer_id, stored_at: NOW });
        assert!(again == opened || again == Opened::Duplicate, "{opened:?}, then {again:?}");
    }
    matches!(opened, Opened::Message { .. } | Opened::Request | Opened::Receipt | Opened::Answer)
}

/// A message of an established session: the guard, and whatever it lets through to libsignal.
pub fn guard(bytes: &[u8]) -> bool {
    SignalMessage::try_from(bytes).is_ok_and(|message| decrypts(&STAGE, &message))
}

/// The post-quantum ratchet's bytes in such a message.
pub fn pq_ratchet(bytes: &[u8]) -> bool {
    let stage = &*STAGE;
    let (own, their) = (&stage.alice.device.identity, &stage.bob.device.identity);
    let message = SignalMessage::new(
        4,
        &[7; 32],
        stage.ratchet_key,
        0,
        0,
        &[7; 64],
        own.identity_key(),
        their.identity_key(),
        bytes,
    );
    decrypts(stage, &message.unwrap())
}

fn decrypts(stage: &Stage, message: &SignalMessage) -> bool {
    let peer = stage.alice.device.address();
    let Ok(candidates) = guard::signal(&stage.bob.store, peer, message).unwrap() else {
        return false;
    };
    let overlay = overlay(stage, peer, candidates);
    let (mut sessions, mut identities) = (overlay.view(), overlay.view());
    let address = protocol_address(peer).unwrap();
    let (sessions, identities) = (&mut sessions, &mut identities);
    // That it does not panic is what matters; only an authentic one is decrypted.
    let _ =
        overlay.run(message_decrypt_signal(message, &address, sessions, identities, &mut rng(8)));
    true
}

/// A message that opens a session: the guard, and whatever it lets through to libsignal.
pub fn prekey(bytes: &[u8]) -> bool {
    let Ok(message) = PreKeySignalMessage::try_from(bytes) else { return false };
    let stage = &*STAGE;
    let peer = stage.alice.device.address();
    let Ok(candidates) = guard::prekey(&stage.bob.store, peer, &message).unwrap() else {
        return false;
    };
    let overlay = overlay(stage, peer, candidates);
    let (mut sessions, mut identities) = (overlay.view(), overlay.view());
    let (mut ec, signed, mut kyber) = (overlay.view(), overlay.view(), overlay.view());
    let _ = overlay.run(message_decrypt_prekey(
        &message,
        &protocol_address(peer).unwrap(),
        &mut sessions,
        &mut identities,
        &mut ec,
        &signed,
        &mut kyber,
        &mut rng(8),
    ));
    true
}

fn overlay(stage: &Stage, peer: sysmaint_protocol::Address, candidates: Candidates) -> Overlay<'_> {
    let bob = &stage.bob.device;
    let key = stage.alice.device.identity.identity_key();
    Overlay::new(&stage.bob.store, &bob.identity, bob.registration_id, peer, Some(*key))
        .showing(candidates)
}

/// A peer's request to resend, as it arrives and as one of our own is stored.
pub fn request(bytes: &[u8]) -> bool {
    let stored = repair::request_content(&STAGE.bob.store, bytes).is_ok();
    repair::read_request(bytes).is_some() || stored
}

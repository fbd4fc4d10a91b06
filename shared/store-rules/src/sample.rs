//! What the rules put into a store.

use sysmaint_device::{
    Sealed,
    key::IdentityKey,
    store::{
        DeadReason, LocalDevice, NewInbox, NewOutbox, NewRetry, Peer, PrekeyRecord, Store, Trust,
    },
};
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Envelope, Handle, Kind, ServiceId, Timestamp, TransferId,
    subject::Mailbox,
};
use zeroize::Zeroizing;

/// A rule: it gets an empty store.
pub type Rule = fn(&mut dyn Store);

/// When everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);

/// A handle.
pub fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

/// The first device of somebody.
pub fn address(number: u8) -> Address {
    Address { service_id: ServiceId::from_bytes([number; 16]), device_id: DeviceId::FIRST }
}

/// Something said.
pub fn content_id(number: u16) -> ContentId {
    let mut bytes = [1; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    ContentId::from_bytes(bytes)
}

/// A ciphertext. Its repair key is the number, since the bytes before it are zeros.
pub fn transfer_id(number: u16) -> TransferId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(u64::from(number) << 1).to_be_bytes());
    TransferId::from_bytes(bytes)
}

/// A public key, or what a store takes for one.
pub fn key(number: u8) -> IdentityKey {
    let mut bytes = [number; 33];
    bytes[0] = 0x05;
    IdentityKey::stored(&bytes).unwrap()
}

/// A device of one's own.
pub fn local() -> LocalDevice {
    LocalDevice {
        handle: handle("alice"),
        address: address(1),
        registration_id: 7,
        identity_key_pair: Zeroizing::new(vec![1; 69]),
        trust_root: key(9).as_bytes().to_vec(),
        certificate: None,
        certificate_expires_at: Timestamp::default(),
        token: None,
        next_prekey_id: 1,
        registered_as: 0,
        renewed_at: Timestamp::default(),
        backend: "portable".to_owned(),
    }
}

/// A pinned peer.
pub fn peer(number: u8) -> Peer {
    Peer {
        identity_key: key(number),
        trust: Trust::Pinned,
        candidate: None,
        registration_id: 5,
        first_seen: NOW,
    }
}

/// Makes peers known.
pub fn know(store: &mut dyn Store, numbers: &[u8]) {
    for number in numbers {
        store.put_peer(address(*number), &peer(*number)).unwrap();
    }
}

/// A prekey of one's own, made so many milliseconds after [`NOW`].
pub fn prekey(id: u32, after: u64) -> PrekeyRecord {
    PrekeyRecord {
        id,
        record: Zeroizing::new(vec![id.to_be_bytes()[3]; 40]),
        created_at: Timestamp::from_millis(NOW.as_millis() + after),
        uploaded: false,
        retired_at: None,
    }
}

/// Bytes in the shape of an envelope.
pub fn envelope() -> Envelope {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.extend_from_slice(&[1; 32]);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.extend_from_slice(&[2; 43]);
    bytes.extend_from_slice(&[0x1a, 0xac, 0x02]);
    bytes.extend_from_slice(&[3; 300]);
    Envelope::parse(bytes).unwrap()
}

/// One that was sealed.
pub fn sealed(number: u16) -> Sealed {
    let to = Mailbox::new(handle("bob"), DeviceId::FIRST);
    Sealed::restored(to, 5, transfer_id(number), envelope())
}

/// Queues a ciphertext with something said in it.
pub fn queue(store: &mut dyn Store, to: u8, transfer: u16, content: u16, kind: Kind) {
    let body = format!("said {content}");
    let entry = NewOutbox {
        sealed: &sealed(transfer),
        mechanics: None,
        recipient: address(to),
        content_id: content_id(content),
        kind,
        in_reply_to: Some(content_id(999)),
        sequence: transfer.into(),
        sealed_at: Timestamp::from_millis(NOW.as_millis() + u64::from(transfer)),
        body: (!kind.is_refillable() && !kind.is_ephemeral()).then_some(body.as_bytes()),
    };
    store.queue(&entry).unwrap();
}

/// Puts a message into the inbox; what the store says of it.
pub fn deliver(store: &mut dyn Store, from: u8, content: u16, kind: Kind) -> bool {
    let sender_handle = handle("bob");
    let entry = NewInbox {
        sender: address(from),
        sender_handle: &sender_handle,
        content_id: content_id(content),
        kind,
        in_reply_to: None,
        sequence: content.into(),
        sent_at: NOW,
        stored_at: NOW,
        body: b"{}",
    };
    store.deliver(&entry).unwrap()
}

/// Something that could not be opened.
pub fn retry(from: u8, transfer: u16) -> NewRetry<'static> {
    NewRetry {
        peer: address(from),
        transfer_id: transfer_id(transfer),
        reason: DeadReason::NoSession,
        request: b"a request",
        stored_at: NOW,
    }
}

//! One who is enrolled and has no scruples: what he seals is certified, and aimed at libsignal.

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use libsignal_protocol::{
    CiphertextMessage, CiphertextMessageType, ContentHint, DeviceId, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, InMemSignalProtocolStore, PreKeyBundle, ProtocolAddress, PublicKey,
    SenderCertificate, SessionRecord, SessionStore as _, SignalMessage,
    UnidentifiedSenderMessageContent, kem, message_encrypt, process_prekey_bundle,
    sealed_sender_encrypt_from_usmc,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sysmaint_device::store::{LocalStore, PeerStore};
use sysmaint_protocol::{
    Address, ContentId, Handle, Header, Kind,
    body::{self, Text},
    pad,
    rest::DeviceBundle,
};

use crate::participant::{NOW, Participant};

/// Post-quantum bytes that are well formed.
pub(crate) const GOOD_PQ: [u8; 4] = [1, 1, 1, 0];

/// With the keys and the certificate of a device that he broke into, and libsignal without a guard.
pub(crate) struct Mallory {
    pub(crate) rng: StdRng,
    pub(crate) certificate: SenderCertificate,
    identity: IdentityKeyPair,
    address: Address,
    handle: Handle,
    store: InMemSignalProtocolStore,
    sent: u64,
}

impl Mallory {
    pub(crate) fn new(device: &Participant) -> Self {
        let local = device.store.local().unwrap().unwrap();
        let identity = IdentityKeyPair::try_from(local.identity_key_pair.as_slice()).unwrap();
        let bytes = local.certificate.unwrap();
        let certificate = SenderCertificate::deserialize(&bytes).unwrap();
        Self {
            rng: StdRng::from_os_rng(),
            certificate,
            identity,
            address: local.address,
            handle: local.handle,
            store: InMemSignalProtocolStore::new(identity, 1).unwrap(),
            sent: 0,
        }
    }

    /// Goes on with a session of the device that he broke into.
    pub(crate) fn take_session(&mut self, device: &Participant, to: &Participant) {
        let record = device.store.session(to.device.address()).unwrap().unwrap();
        let record = SessionRecord::deserialize(&record).unwrap();
        let sessions = &mut self.store.session_store;
        sessions.store_session(&name(to), &record).now_or_never().unwrap().unwrap();
    }

    /// Opens another session with somebody.
    pub(crate) fn meet(&mut self, to: &mut Participant) {
        let (address, device) = (name(to), to.bundle().devices.remove(0));
        let bundle = signal_bundle(&device);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW.as_millis());
        let Self { store, rng, .. } = self;
        let InMemSignalProtocolStore { session_store, identity_store, .. } = store;
        process_prekey_bundle(&address, session_store, identity_store, &bundle, now, rng)
            .now_or_never()
            .unwrap()
            .unwrap();
    }

    /// The next authentic message on that session, not sealed yet.
    pub(crate) fn encrypt(&mut self, to: &Participant) -> CiphertextMessage {
        self.sent += 1;
        let header = Header {
            content_id: ContentId::from_bytes(self.rng.random()),
            kind: Kind::Text,
            in_reply_to: None,
            sequence: self.sent,
            sent_at: NOW,
            sender: self.address,
            recipient: to.device.address(),
            sender_handle: self.handle.clone(),
        };
        let text = body::encode(&Text { text: "authentic".into() }).unwrap();
        let plaintext = pad(header.encode(&text)).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(NOW.as_millis());
        let Self { store, rng, .. } = self;
        let InMemSignalProtocolStore { session_store, identity_store, .. } = store;
        message_encrypt(&plaintext, &name(to), session_store, identity_store, now, rng)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    /// The message after some that are never sent.
    pub(crate) fn skip(&mut self, to: &Participant, skipped: u32) -> CiphertextMessage {
        for _ in 0..skipped {
            self.encrypt(to);
        }
        self.encrypt(to)
    }

    /// Seals a message as it is.
    pub(crate) fn seal_message(
        &mut self,
        to: &mut Participant,
        message: &CiphertextMessage,
    ) -> Vec<u8> {
        self.seal(to, message.message_type(), message.serialize())
    }

    /// Seals arbitrary content of an arbitrary type to somebody.
    pub(crate) fn seal(
        &mut self,
        to: &mut Participant,
        kind: CiphertextMessageType,
        content: &[u8],
    ) -> Vec<u8> {
        let certificate = self.certificate.clone();
        let hint = ContentHint::Default;
        let content =
            UnidentifiedSenderMessageContent::new(kind, certificate, content.to_vec(), hint, None)
                .unwrap();
        let (address, key) = (name(to), identity_of(to));
        let Self { store, rng, .. } = self;
        let store = &mut store.identity_store;
        store.save_identity(&address, &key).now_or_never().unwrap().unwrap();
        sealed_sender_encrypt_from_usmc(&address, &content, store, rng)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    /// A message of an established session, with any counter, ratchet key and post-quantum part.
    pub(crate) fn whisper(
        &mut self,
        to: &Participant,
        ratchet_key: PublicKey,
        counter: u32,
        pq: &[u8],
    ) -> Vec<u8> {
        let mac_key: [u8; 32] = self.rng.random();
        SignalMessage::new(
            4,
            &mac_key,
            ratchet_key,
            counter,
            0,
            &[7; 528],
            self.identity.identity_key(),
            &identity_of(to),
            pq,
        )
        .unwrap()
        .serialized()
        .to_vec()
    }
}

/// The message of an established session in either kind of message.
pub(crate) fn inner(message: &CiphertextMessage) -> &SignalMessage {
    match message {
        CiphertextMessage::SignalMessage(message) => message,
        CiphertextMessage::PreKeySignalMessage(message) => message.message(),
        _ => unreachable!("not between two devices"),
    }
}

fn name(of: &Participant) -> ProtocolAddress {
    let address = of.device.address();
    let device = DeviceId::try_from(u32::from(address.device_id.get())).unwrap();
    ProtocolAddress::new(address.service_id.to_string(), device)
}

fn identity_of(device: &Participant) -> IdentityKey {
    let local = device.store.local().unwrap().unwrap();
    *IdentityKeyPair::try_from(local.identity_key_pair.as_slice()).unwrap().identity_key()
}

fn signal_bundle(device: &DeviceBundle) -> PreKeyBundle {
    let one_time = device.one_time_prekey.as_ref();
    PreKeyBundle::new(
        device.registration_id,
        DeviceId::try_from(u32::from(device.device_id.get())).unwrap(),
        one_time.map(|key| (key.id.into(), PublicKey::deserialize(&key.public_key.0).unwrap())),
        device.signed_prekey.id.into(),
        PublicKey::deserialize(&device.signed_prekey.public_key.0).unwrap(),
        device.signed_prekey.signature.0.clone(),
        device.kyber_prekey.id.into(),
        kem::PublicKey::deserialize(&device.kyber_prekey.public_key.0).unwrap(),
        device.kyber_prekey.signature.0.clone(),
        IdentityKey::decode(&device.identity_key.0).unwrap(),
    )
    .unwrap()
}

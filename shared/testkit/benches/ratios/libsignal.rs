//! libsignal itself, over its own stores in memory: the least that a message can cost.

use std::time::SystemTime;

use futures_util::FutureExt as _;
use libsignal_protocol::{
    CiphertextMessage, DeviceId, GenericSignedPreKey as _, IdentityKeyPair, IdentityKeyStore as _,
    InMemSignalProtocolStore, KeyPair, KyberPreKeyRecord, KyberPreKeyStore as _, PreKeyBundle,
    PreKeyRecord, PreKeyStore as _, ProtocolAddress, PublicKey, SenderCertificate,
    ServerCertificate, SignedPreKeyRecord, SignedPreKeyStore as _, Timestamp, kem, message_decrypt,
    message_encrypt, process_prekey_bundle, sealed_sender_decrypt, sealed_sender_encrypt,
};

use crate::{
    BODY,
    exchange::{Exchange, ping_pong},
};

const NAMES: [&str; 2] =
    ["9d0652a3-dcc3-4d11-975f-74d61598733f", "796abedb-ca4e-4f18-8803-1fde5b921f9f"];

/// Messages as the Double Ratchet makes them; their sender is in plain sight.
pub(crate) struct Plain {
    pub(crate) stores: [InMemSignalProtocolStore; 2],
    pub(crate) addresses: [ProtocolAddress; 2],
}

/// The same in sealed sender envelopes, with the certificate checked at every opening.
pub(crate) struct SealedSender {
    pair: Plain,
    root: PublicKey,
    certificates: [SenderCertificate; 2],
}

impl Plain {
    pub(crate) fn new() -> Self {
        let device = DeviceId::try_from(1_u32).unwrap();
        let addresses = NAMES.map(|name| ProtocolAddress::new(name.to_owned(), device));
        let stores = [1, 2].map(|id| {
            let identity = IdentityKeyPair::generate(&mut rand::rng());
            InMemSignalProtocolStore::new(identity, id).unwrap()
        });
        let mut pair = Self { stores, addresses };
        pair.meet();
        pair
    }

    /// Opens a session, beside those that there are.
    pub(crate) fn meet(&mut self) {
        let bundle = self.bundle(self.addresses[1].device_id());
        let alice = &mut self.stores[0];
        let (sessions, identities) = (&mut alice.session_store, &mut alice.identity_store);
        let (bob, now) = (&self.addresses[1], SystemTime::now());
        let rng = &mut rand::rng();
        let opened = process_prekey_bundle(bob, sessions, identities, &bundle, now, rng);
        opened.now_or_never().unwrap().unwrap();
        // Answered, so that no more prekey messages are made.
        ping_pong(self, 4);
    }

    /// Makes the second one's prekeys.
    fn bundle(&mut self, device: DeviceId) -> PreKeyBundle {
        let rng = &mut rand::rng();
        let bob = &mut self.stores[1];
        let identity = bob.get_identity_key_pair().now_or_never().unwrap().unwrap();
        let (one_time, signed) = (KeyPair::generate(rng), KeyPair::generate(rng));
        let kyber = kem::KeyPair::generate(kem::KeyType::Kyber1024, rng);
        let mut sign = |key: &[u8]| identity.private_key().calculate_signature(key, rng).unwrap();
        let signed_signature = sign(&signed.public_key.serialize());
        let kyber_signature = sign(&kyber.public_key.serialize());
        let (id, made_at) = (1_u32, Timestamp::from_epoch_millis(0));
        let record = PreKeyRecord::new(id.into(), &one_time);
        bob.save_pre_key(id.into(), &record).now_or_never().unwrap().unwrap();
        let record = SignedPreKeyRecord::new(id.into(), made_at, &signed, &signed_signature);
        bob.save_signed_pre_key(id.into(), &record).now_or_never().unwrap().unwrap();
        let record = KyberPreKeyRecord::new(id.into(), made_at, &kyber, &kyber_signature);
        bob.save_kyber_pre_key(id.into(), &record).now_or_never().unwrap().unwrap();
        PreKeyBundle::new(
            2,
            device,
            Some((id.into(), one_time.public_key)),
            id.into(),
            signed.public_key,
            signed_signature.into_vec(),
            id.into(),
            kyber.public_key,
            kyber_signature.into_vec(),
            *identity.identity_key(),
        )
        .unwrap()
    }
}

impl Exchange for Plain {
    type Sealed = CiphertextMessage;

    fn seal(&mut self, from: usize) -> CiphertextMessage {
        let to = &self.addresses[1 - from];
        let InMemSignalProtocolStore { session_store, identity_store, .. } = &mut self.stores[from];
        let (now, rng) = (SystemTime::now(), &mut rand::rng());
        let sealed = message_encrypt(&[b'x'; BODY], to, session_store, identity_store, now, rng);
        sealed.now_or_never().unwrap().unwrap()
    }

    fn open(&mut self, to: usize, sealed: CiphertextMessage) {
        let (store, mut rng) = (&mut self.stores[to], rand::rng());
        let opened = message_decrypt(
            &sealed,
            &self.addresses[1 - to],
            &mut store.session_store,
            &mut store.identity_store,
            &mut store.pre_key_store,
            &store.signed_pre_key_store,
            &mut store.kyber_pre_key_store,
            &mut rng,
        );
        assert_eq!(opened.now_or_never().unwrap().unwrap(), [b'x'; BODY]);
    }
}

impl SealedSender {
    pub(crate) fn new() -> Self {
        let rng = &mut rand::rng();
        let (root, server) = (KeyPair::generate(rng), KeyPair::generate(rng));
        let signer = ServerCertificate::new(1, server.public_key, &root.private_key, rng).unwrap();
        let pair = Plain::new();
        let certificates = [0, 1].map(|number| {
            let identity = pair.stores[number].get_identity_key_pair().now_or_never();
            let key = *identity.unwrap().unwrap().public_key();
            let (name, device) = (NAMES[number].to_owned(), pair.addresses[number].device_id());
            let end = Timestamp::from_epoch_millis(u64::MAX);
            let (signer, server) = (signer.clone(), &server.private_key);
            let rng = &mut rand::rng();
            SenderCertificate::new(name, None, key, device, end, signer, server, rng).unwrap()
        });
        Self { pair, root: root.public_key, certificates }
    }
}

impl Exchange for SealedSender {
    type Sealed = Vec<u8>;

    fn seal(&mut self, from: usize) -> Vec<u8> {
        let (store, mut rng) = (&mut self.pair.stores[from], rand::rng());
        let sealed = sealed_sender_encrypt(
            &self.pair.addresses[1 - from],
            &self.certificates[from],
            &[b'x'; BODY],
            &mut store.session_store,
            &mut store.identity_store,
            SystemTime::now(),
            &mut rng,
        );
        sealed.now_or_never().unwrap().unwrap()
    }

    fn open(&mut self, to: usize, sealed: Vec<u8>) {
        let store = &mut self.pair.stores[to];
        let opened = sealed_sender_decrypt(
            &sealed,
            &self.root,
            Timestamp::from_epoch_millis(0),
            None,
            NAMES[to].to_owned(),
            self.pair.addresses[to].device_id(),
            &mut store.identity_store,
            &mut store.session_store,
            &mut store.pre_key_store,
            &store.signed_pre_key_store,
            &mut store.kyber_pre_key_store,
        );
        assert_eq!(opened.now_or_never().unwrap().unwrap().message, [b'x'; BODY]);
    }
}

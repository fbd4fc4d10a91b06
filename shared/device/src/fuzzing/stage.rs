//! Two devices in the middle of a conversation, always the same ones.

use std::sync::{Arc, LazyLock};

use libsignal_protocol::{
    CiphertextMessageType, KeyPair, PreKeySignalMessage, SignalMessage,
    UnidentifiedSenderMessageContent, sealed_sender_decrypt_to_usmc,
};
use rand::{SeedableRng, rngs::StdRng};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, Handle, Timestamp, TransferId,
    body::Text,
    rest::{
        Bundle, Challenge, DeviceBundle, PrekeyCount, PrekeyUpload, RegisterRequest, Registered,
        Transport,
    },
};

use crate::{
    Device, Incoming, Opened, Sealed,
    authority::Authority,
    key::IdentityKey,
    overlay::Overlay,
    repair,
    store::{DeadReason, Memory, NewRetry, PrekeyClass, PrekeyStore, RepairStore},
};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);

/// Prekeys of a class that stay, so that a copy of a store is cheap.
const PREKEYS: usize = 2;

/// Everybody's randomness is fixed, so that a corpus stays authentic.
pub(super) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A device and what it has given to the directory.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) device: Arc<Device>,
    pub(super) store: Memory,
    pub(super) rng: StdRng,
    pub(super) request: RegisterRequest,
    pub(super) registered: Registered,
    pub(super) upload: PrekeyUpload,
}

/// Alice and Bob, with a session that both have used, and what is on its way.
pub(super) struct Stage {
    pub(super) authority: Authority,
    pub(super) alice: Actor,
    pub(super) bob: Actor,
    /// From alice: messages of the session, the first of them the next one.
    pub(super) waiting: Vec<Sealed>,
    /// From carol, whom bob does not know: it opens a session.
    pub(super) first: Sealed,
    /// From alice, who could not open something.
    pub(super) asking: Sealed,
    pub(super) ratchet_key: libsignal_protocol::PublicKey,
}

pub(super) static STAGE: LazyLock<Stage> = LazyLock::new(Stage::new);

impl Stage {
    fn new() -> Self {
        let authority = Authority::generate(&mut rng(1)).unwrap();
        let mut alice = Actor::new(&authority, "alice", 2);
        let mut bob = Actor::new(&authority, "bob", 3);
        let mut carol = Actor::new(&authority, "carol", 4);
        alice.meet(&mut bob);
        bob.meet(&mut alice);
        carol.meet(&mut bob);
        for turn in 0..3 {
            alice.tell(&mut bob, &format!("turn {turn}"));
            bob.tell(&mut alice, &format!("answer {turn}"));
        }
        let asking = alice.ask(&bob);
        let waiting = (0..4).map(|turn| alice.say("bob", &format!("waiting {turn}"))).collect();
        let first = carol.say("bob", "who are you");
        let ratchet_key = KeyPair::generate(&mut rng(5)).public_key;
        let (alice, bob) = (alice.lighter(), bob.lighter());
        Self { authority, alice, bob, waiting, first, asking, ratchet_key }
    }

    /// The inside of an envelope to bob.
    pub(super) fn unsealed(&self, sealed: &Sealed) -> UnidentifiedSenderMessageContent {
        let Actor { device, store, .. } = &self.bob;
        let overlay = Overlay::new(store, &device.identity, 1, device.address, None);
        let bytes = sealed.envelope().as_bytes();
        overlay.run(sealed_sender_decrypt_to_usmc(bytes, &overlay.view())).unwrap()
    }

    /// The next message of alice's and bob's session.
    pub(super) fn message(&self) -> SignalMessage {
        let content = self.unsealed(&self.waiting[0]);
        SignalMessage::try_from(content.contents().unwrap()).unwrap()
    }

    /// The message that opens a session.
    pub(super) fn opening(&self) -> PreKeySignalMessage {
        let content = self.unsealed(&self.first);
        PreKeySignalMessage::try_from(content.contents().unwrap()).unwrap()
    }
}

impl Actor {
    fn new(authority: &Authority, handle: &str, seed: u64) -> Self {
        let (mut rng, mut store) = (rng(seed), Memory::default());
        let handle: Handle = handle.parse().unwrap();
        let root = authority.trust_root();
        let device = Device::open(&mut store, &mut rng, &handle, DeviceId::FIRST, &root).unwrap();
        let challenge = Challenge { nonce: Base64Bytes(vec![7; 32]), expires_at: NOW };
        let request = device.registration(&mut rng, &challenge, Transport::Nats, None).unwrap();
        let key = IdentityKey::parse(&request.identity_key.0).unwrap();
        let issued = authority.issue(&mut rng, device.address(), &key, NOW).unwrap();
        let registered = Registered {
            token: None,
            certificate: Base64Bytes(issued.certificate),
            trust_root: Base64Bytes(root),
        };
        device.complete_registration(&mut store, &registered).unwrap();
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let upload = device.prekey_upload(&mut store, &mut rng, NOW, none).unwrap().unwrap();
        device.prekeys_uploaded(&mut store, NOW).unwrap();
        Self { device: device.into(), store, rng, request, registered, upload }
    }

    /// What the directory hands out for it.
    pub(super) fn bundle(&mut self) -> Bundle {
        let Self { request, registered, upload, .. } = self;
        let device = DeviceBundle {
            device_id: request.device_id,
            registration_id: request.registration_id,
            identity_key: request.identity_key.clone(),
            certificate: registered.certificate.clone(),
            admission: None,
            signed_prekey: upload.signed_prekey.clone(),
            kyber_prekey: upload.one_time_kyber_prekeys.remove(0),
            one_time_prekey: Some(upload.one_time_prekeys.remove(0)),
        };
        let (identity, service_id) = (request.identity.clone(), request.service_id);
        Bundle { identity, service_id, devices: vec![device] }
    }

    fn meet(&mut self, other: &mut Self) {
        let bundle = other.bundle();
        let Self { device, store, rng, .. } = self;
        device.accept_bundle(store, rng, NOW, &bundle.identity, &bundle).unwrap();
    }

    /// Seals a text.
    pub(super) fn say(&mut self, to: &str, text: &str) -> Sealed {
        let (Self { device, store, rng, .. }, to) = (self, to.parse().unwrap());
        device.send(store, rng, NOW, &to, None, &Text { text: text.into() }).unwrap();
        store.take_outbox().pop().unwrap()
    }

    fn tell(&mut self, other: &mut Self, text: &str) {
        let sealed = self.say(other.request.identity.as_str(), text);
        let opened = other.open(&sealed);
        assert!(matches!(opened, Opened::Message { .. }), "{opened:?}");
    }

    /// Opens an envelope.
    pub(super) fn open(&mut self, sealed: &Sealed) -> Opened {
        let (bytes, transfer_id) = (sealed.envelope().as_bytes(), Some(sealed.transfer_id()));
        self.open_incoming(Incoming { bytes, transfer_id, stored_at: NOW })
    }

    /// Opens whatever it is.
    pub(super) fn open_incoming(&mut self, incoming: Incoming<'_>) -> Opened {
        let Self { device, store, rng, .. } = self;
        device.open_envelope(store, rng, NOW, incoming).unwrap()
    }

    /// Asks for something that could not be opened.
    fn ask(&mut self, from: &Self) -> Sealed {
        let transfer_id = TransferId::from_bytes([9; 16]);
        let peer = from.device.address();
        let message = STAND_IN.serialized().to_vec();
        let kind = CiphertextMessageType::Whisper;
        let request = repair::request(&message, kind, transfer_id, peer).unwrap();
        let reason = DeadReason::Undecryptable;
        let retry = NewRetry { peer, transfer_id, reason, request: &request, stored_at: NOW };
        assert!(self.store.owe_retry(&retry, NOW).unwrap());
        let Self { device, store, rng, .. } = self;
        assert_eq!(device.send_due_retries(store, rng, NOW).unwrap(), 1);
        store.take_outbox().pop().unwrap()
    }

    /// With few prekeys of each class.
    fn lighter(mut self) -> Self {
        for class in [PrekeyClass::Ec, PrekeyClass::Kyber] {
            let made = self.store.prekeys(class).unwrap();
            for prekey in made.iter().skip(PREKEYS) {
                self.store.remove_prekey(class, prekey.id).unwrap();
            }
        }
        self
    }
}

/// Any message; a request names its ratchet key.
static STAND_IN: LazyLock<SignalMessage> = LazyLock::new(|| {
    let mut rng = rng(6);
    let [ratchet, own, their] = [0; 3].map(|_| KeyPair::generate(&mut rng).public_key);
    let (own, their) = (own.into(), their.into());
    SignalMessage::new(4, &[7; 32], ratchet, 0, 0, &[7; 64], &own, &their, &[1, 1, 0, 0]).unwrap()
});

//! A device with its store, and a world that certifies it and hands out its bundle.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use sysmaint_device::{
    Device, Incoming, Opened, SealError, Sealed,
    authority::Authority,
    key::IdentityKey,
    store::{LocalStore, Memory, PrekeyClass, PrekeyStore},
    verify,
};
use sysmaint_protocol::{
    Address, Base64Bytes, ContentId, DeviceId, Handle, Timestamp, TransferId,
    body::{Body, Text},
    rest::{
        Bundle, Challenge, DeliveryCertificate, DeviceBundle, PrekeyCount, PrekeyUpload,
        Registered, Transport,
    },
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_426_200_000);

/// The relay's part, without a relay.
pub(crate) struct World {
    pub(crate) authority: Authority,
}

pub(crate) struct Participant {
    pub(crate) device: Device,
    pub(crate) store: Memory,
    pub(crate) rng: StdRng,
    pub(crate) now: Timestamp,
    certificate: Vec<u8>,
    upload: Option<PrekeyUpload>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { authority: Authority::generate(&mut StdRng::from_os_rng()).unwrap() }
    }

    /// A registered device with prekeys in the directory.
    pub(crate) fn participant(&self, handle: &str) -> Participant {
        let (mut rng, mut store) = (StdRng::from_os_rng(), Memory::default());
        let handle: Handle = handle.parse().unwrap();
        let root = self.authority.trust_root();
        let device = Device::open(&mut store, &mut rng, &handle, DeviceId::FIRST, &root).unwrap();
        let challenge = Challenge { nonce: Base64Bytes(vec![7; 32]), expires_at: NOW };
        let request = device.registration(&mut rng, &challenge, Transport::Nats, None).unwrap();
        let key = verify::registration(&request).unwrap();
        let certificate = self.certify(&device, &key, NOW);
        let answer = Registered {
            token: None,
            certificate: Base64Bytes(certificate.clone()),
            trust_root: Base64Bytes(root),
        };
        device.complete_registration(&mut store, &answer).unwrap();
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let upload = device.prekey_upload(&mut store, &mut rng, NOW, none).unwrap();
        verify::prekeys(&key, upload.as_ref().unwrap()).unwrap();
        device.prekeys_uploaded(&mut store, NOW).unwrap();
        Participant { device, store, rng, now: NOW, certificate, upload }
    }

    pub(crate) fn certify(&self, device: &Device, key: &IdentityKey, now: Timestamp) -> Vec<u8> {
        let issued =
            self.authority.issue(&mut StdRng::from_os_rng(), device.address(), key, now).unwrap();
        issued.certificate
    }
}

impl Participant {
    /// Pops one prekey of each kind, as a directory does.
    pub(crate) fn bundle(&mut self) -> Bundle {
        let mut request_rng = self.rng.clone();
        let challenge = Challenge { nonce: Base64Bytes(vec![0; 32]), expires_at: self.now };
        let request =
            self.device.registration(&mut request_rng, &challenge, Transport::Nats, None).unwrap();
        let upload = self.upload.as_mut().unwrap();
        let kyber = first(&mut upload.one_time_kyber_prekeys);
        let device = DeviceBundle {
            device_id: request.device_id,
            registration_id: request.registration_id,
            identity_key: request.identity_key,
            certificate: Base64Bytes(self.certificate.clone()),
            admission: None,
            signed_prekey: upload.signed_prekey.clone(),
            kyber_prekey: kyber.unwrap_or_else(|| upload.last_resort_kyber_prekey.clone()),
            one_time_prekey: first(&mut upload.one_time_prekeys),
        };
        Bundle { identity: request.identity, service_id: request.service_id, devices: vec![device] }
    }

    /// As if every one-time prekey had been taken.
    pub(crate) fn exhaust_prekeys(&mut self) {
        let upload = self.upload.as_mut().unwrap();
        upload.one_time_prekeys.clear();
        upload.one_time_kyber_prekeys.clear();
    }

    /// As if its prekeys were in another store.
    pub(crate) fn forget_prekeys(&mut self) {
        for class in
            [PrekeyClass::Ec, PrekeyClass::Kyber, PrekeyClass::LastResort, PrekeyClass::Signed]
        {
            for prekey in self.store.prekeys(class).unwrap() {
                self.store.remove_prekey(class, prekey.id).unwrap();
            }
        }
    }

    /// Gives the directory new prekeys for all that it has.
    pub(crate) fn renew_prekeys(&mut self) {
        self.upload = self.top_up(0);
    }

    /// What the directory gets when it holds so many one-time prekeys of each kind.
    pub(crate) fn top_up(&mut self, held: u32) -> Option<PrekeyUpload> {
        let Self { device, store, rng, now, .. } = self;
        let held = PrekeyCount { one_time_prekeys: held, one_time_kyber_prekeys: held };
        let upload = device.prekey_upload(store, rng, *now, held).unwrap();
        device.prekeys_uploaded(store, *now).unwrap();
        upload
    }

    /// Takes another device's name, with this one's own key, and has it certified.
    pub(crate) fn become_device(&mut self, world: &World, address: Address) {
        let mut local = self.store.local().unwrap().unwrap();
        local.address = address;
        self.store.put_local(&local).unwrap();
        let (handle, root) = (self.handle(), world.authority.trust_root());
        let number = address.device_id;
        self.device = Device::open(&mut self.store, &mut self.rng, &handle, number, &root).unwrap();
        self.renew_certificate(world);
    }

    /// Has its key certified again.
    pub(crate) fn renew_certificate(&mut self, world: &World) {
        let key = IdentityKey::parse(&self.bundle().devices[0].identity_key.0).unwrap();
        self.certificate = world.certify(&self.device, &key, self.now);
        let certificate = Base64Bytes(self.certificate.clone());
        let answer = DeliveryCertificate { certificate, expires_at: self.now };
        self.device.renew_certificate(&mut self.store, &answer).unwrap();
    }

    pub(crate) fn handle(&self) -> Handle {
        self.device.handle().clone()
    }

    /// Fetches and accepts a peer's bundle.
    pub(crate) fn meet(&mut self, peer: &mut Self) {
        let bundle = peer.bundle();
        let (handle, now) = (peer.handle(), self.now);
        self.device.accept_bundle(&mut self.store, &mut self.rng, now, &handle, &bundle).unwrap();
    }

    /// Also lets the peer know this one's handle, so that it can answer.
    pub(crate) fn introduce(&mut self, peer: &mut Self) {
        let bundle = self.bundle();
        let handle = self.handle();
        peer.device.accept_contact(&mut peer.store, peer.now, &handle, &bundle).unwrap();
    }

    pub(crate) fn say(&mut self, to: &Self, text: &str) -> (ContentId, Sealed) {
        self.send(to, &Text { text: text.into() })
    }

    pub(crate) fn send<B: Body>(&mut self, to: &Self, body: &B) -> (ContentId, Sealed) {
        let content_id = self.try_send(to, body).unwrap();
        (content_id, self.store.take_outbox().pop().unwrap())
    }

    pub(crate) fn try_send<B: Body>(
        &mut self,
        to: &Self,
        body: &B,
    ) -> Result<ContentId, SealError> {
        let Self { device, store, rng, now, .. } = self;
        device.send(store, rng, *now, &to.handle(), None, body)
    }

    pub(crate) fn open(&mut self, sealed: &Sealed) -> Opened {
        self.open_stored(sealed, self.now)
    }

    /// As it was stored at a moment.
    pub(crate) fn open_stored(&mut self, sealed: &Sealed, stored_at: Timestamp) -> Opened {
        let Self { device, store, rng, now, .. } = self;
        let (bytes, transfer_id) = (sealed.envelope().as_bytes(), Some(sealed.transfer_id()));
        let incoming = Incoming { bytes, transfer_id, stored_at };
        device.open_envelope(store, rng, *now, incoming).unwrap()
    }

    /// Seals what repair owes a peer, and returns everything that is queued.
    pub(crate) fn repair(&mut self, peer: &mut Self) -> Vec<Sealed> {
        let prepare = self.device.peers_to_prepare(&self.store, self.now).unwrap();
        if prepare.contains(&peer.handle()) {
            self.meet(peer);
        }
        let Self { device, store, rng, now, .. } = self;
        device.send_due_retries(store, rng, *now).unwrap();
        device.send_resends(store, rng, *now).unwrap();
        device.send_due_receipts(store, rng, *now).unwrap();
        store.take_outbox()
    }

    pub(crate) fn open_bytes(&mut self, bytes: &[u8], stored_at: Timestamp) -> Opened {
        let Self { device, store, rng, now, .. } = self;
        let incoming = Incoming { bytes, transfer_id: None, stored_at };
        device.open_envelope(store, rng, *now, incoming).unwrap()
    }

    /// As it was stored right now, under an id of its publisher's.
    pub(crate) fn open_named(&mut self, bytes: &[u8], transfer_id: Option<TransferId>) -> Opened {
        let Self { device, store, rng, now, .. } = self;
        let incoming = Incoming { bytes, transfer_id, stored_at: *now };
        device.open_envelope(store, rng, *now, incoming).unwrap()
    }

    /// Seals what receipts are due and returns them.
    pub(crate) fn receipts(&mut self) -> Vec<Sealed> {
        let Self { device, store, rng, now, .. } = self;
        device.send_due_receipts(store, rng, *now).unwrap();
        store.take_outbox()
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// The texts in the inbox.
    pub(crate) fn texts(&self) -> Vec<String> {
        let texts = self.store.inbox().iter().map(|entry| &entry.body);
        texts.map(|body| sysmaint_protocol::body::decode::<Text>(body).unwrap().text).collect()
    }
}

/// The oldest is handed out first.
fn first<T>(pool: &mut Vec<T>) -> Option<T> {
    (!pool.is_empty()).then(|| pool.remove(0))
}

/// Two who can write to each other at once.
pub(crate) fn acquainted() -> (World, Participant, Participant) {
    let world = World::new();
    let (mut alice, mut bob) = (world.participant("alice"), world.participant("bob"));
    alice.meet(&mut bob);
    alice.introduce(&mut bob);
    (world, alice, bob)
}

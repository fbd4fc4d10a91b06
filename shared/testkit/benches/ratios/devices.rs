//! Devices without endpoints: enrolled, and with a session, in whatever store.

use futures_util::FutureExt as _;
use rand::Rng as _;
use sysmaint_bus::Directory as _;
use sysmaint_device::{
    Device, Draft, Incoming, Opened, Sealed, authority::Authority, store::Store,
};
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Handle, Kind,
    rest::{PrekeyCount, Transport},
};
use sysmaint_testkit::LocalDirectory;

use crate::BODY;

/// Who certifies and lists them.
pub(crate) struct Relay {
    trust_root: Vec<u8>,
    directory: LocalDirectory,
}

impl Relay {
    pub(crate) fn new() -> Self {
        let authority = Authority::generate(&mut rand::rng()).unwrap();
        let trust_root = authority.trust_root();
        Self { trust_root, directory: LocalDirectory::new(authority, Clock::system()) }
    }

    /// Makes a device and registers it.
    pub(crate) fn enrol(&self, store: &mut dyn Store, handle: &Handle) -> Device {
        let (rng, now) = (&mut rand::rng(), Clock::system().now());
        let device = Device::open(store, rng, handle, DeviceId::FIRST, &self.trust_root).unwrap();
        let own = device.mailbox();
        let challenge = self.directory.challenge(&own).now_or_never().unwrap().unwrap();
        let request = device.registration(rng, &challenge, Transport::Nats, None).unwrap();
        let answer = self.directory.register(&request).now_or_never().unwrap().unwrap();
        device.complete_registration(store, &answer).unwrap();
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let upload = device.prekey_upload(store, rng, now, none).unwrap().unwrap();
        self.directory.upload_prekeys(&own, &upload).now_or_never().unwrap().unwrap();
        device.prekeys_uploaded(store, now).unwrap();
        device
    }

    /// Opens a session.
    pub(crate) fn meet(&self, device: &Device, store: &mut dyn Store, peer: &Handle) {
        let bundle = self.directory.bundle(device.handle(), peer).now_or_never();
        let (rng, now) = (&mut rand::rng(), Clock::system().now());
        device.accept_bundle(store, rng, now, peer, &bundle.unwrap().unwrap()).unwrap();
    }
}

/// Seals and queues a text.
pub(crate) fn seal(device: &Device, store: &mut dyn Store, to: &Handle, peer: Address) -> Sealed {
    let rng = &mut rand::rng();
    let content_id = ContentId::from_bytes(rng.random());
    let draft = Draft { content_id, kind: Kind::Text, in_reply_to: None, body: &[b'x'; BODY] };
    device.seal(store, rng, Clock::system().now(), to, peer, &draft).unwrap()
}

/// Opens an envelope into the inbox.
pub(crate) fn open(device: &Device, store: &mut dyn Store, sealed: &Sealed) {
    let now = Clock::system().now();
    let (bytes, transfer_id) = (sealed.envelope().as_bytes(), Some(sealed.transfer_id()));
    let incoming = Incoming { bytes, transfer_id, stored_at: now };
    let opened = device.open_envelope(store, &mut rand::rng(), now, incoming).unwrap();
    assert!(matches!(opened, Opened::Message { .. }), "{opened:?}");
}

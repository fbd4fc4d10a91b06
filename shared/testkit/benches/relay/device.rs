//! A device that is registered over HTTP.

use std::net::SocketAddr;

use sysmaint_device::{
    Device,
    store::{LocalStore as _, Memory},
};
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{
    DeviceId,
    rest::{Challenge, ChallengeRequest, PrekeyCount, Registered, Transport, TrustRoot},
};

use crate::connection::Connection;

pub(crate) struct Registration {
    device: Device,
    store: Memory,
    pub(crate) token: String,
}

impl Registration {
    pub(crate) async fn new(relay: SocketAddr, handle: &str) -> Self {
        let mut connection = Connection::open(relay).await;
        let root = connection.get("/v1/certificate/root", "").await.body;
        let root: TrustRoot = serde_json::from_slice(&root).unwrap();
        let (handle, mut store) = (handle.parse().unwrap(), Memory::default());
        let (rng, number) = (&mut rand::rng(), DeviceId::FIRST);
        let device = Device::open(&mut store, rng, &handle, number, &root.trust_root.0).unwrap();
        let request = ChallengeRequest { identity: handle, device_id: number };
        let challenge: Challenge = connection.post("/v1/register/challenge", "", &request).await;
        let request = device.registration(&mut rand::rng(), &challenge, Transport::Relay, None);
        let answer: Registered = connection.post("/v1/register", "", &request.unwrap()).await;
        device.complete_registration(&mut store, &answer).unwrap();
        Self { device, store, token: answer.token.unwrap() }
    }

    /// Uploads so many hundreds of prekeys of each kind.
    pub(crate) async fn upload_prekeys(&mut self, relay: SocketAddr, hundreds: usize) {
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let mut connection = Connection::open(relay).await;
        for _ in 0..hundreds {
            let (rng, now) = (&mut rand::rng(), Clock::system().now());
            let upload = self.device.prekey_upload(&mut self.store, rng, now, none);
            let upload = upload.unwrap().unwrap();
            let _: PrekeyCount = connection.post("/v1/prekeys", &self.token, &upload).await;
            self.device.prekeys_uploaded(&mut self.store, now).unwrap();
        }
    }

    pub(crate) fn handle(&self) -> &str {
        self.device.handle().as_str()
    }

    pub(crate) fn registration_id(&self) -> u32 {
        self.store.local().unwrap().unwrap().registration_id
    }

    pub(crate) fn mailbox(&self) -> sysmaint_protocol::subject::Mailbox {
        self.device.mailbox()
    }
}

//! A device elsewhere: its keys in memory, its way through the relay's HTTP face.

use std::time::SystemTime;

use serde::{Serialize, de::DeserializeOwned};
use sysmaint_device::{Device, Incoming, Opened, Sealed, store::Memory};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, Timestamp,
    body::{self, Text},
    rest::{
        Bundle, Challenge, ChallengeRequest, OutgoingMessage, PrekeyCount, Registered, SendRequest,
        Transport,
    },
    subject::Mailbox,
};

use crate::Web;

/// A person's device on the relay.
pub struct RemoteDevice {
    relay: Web,
    client: reqwest::Client,
    device: Device,
    store: Memory,
    token: String,
}

impl RemoteDevice {
    /// Makes keys, registers over HTTP and uploads prekeys.
    pub async fn enrol(relay: Web, handle: &str) -> Self {
        let root = relay.get("/v1/certificate/root").await.unwrap();
        let root: sysmaint_protocol::rest::TrustRoot = serde_json::from_value(root).unwrap();
        let mut store = Memory::default();
        let (handle, number) = (handle.parse().unwrap(), DeviceId::FIRST);
        let rng = &mut rand::rng();
        let device = Device::open(&mut store, rng, &handle, number, &root.trust_root.0).unwrap();
        let client = reqwest::Client::new();
        let mut person = Self { relay, client, device, store, token: String::new() };
        let request = ChallengeRequest { identity: handle, device_id: number };
        let challenge: Challenge = person.post("/v1/register/challenge", &request).await;
        let request =
            person.device.registration(&mut rand::rng(), &challenge, Transport::Relay, None);
        let answer: Registered = person.post("/v1/register", &request.unwrap()).await;
        person.device.complete_registration(&mut person.store, &answer).unwrap();
        person.token = answer.token.unwrap();
        person.upload_prekeys().await;
        person
    }

    /// Uploads a hundred prekeys more of each kind; how many there are then.
    pub async fn upload_prekeys(&mut self) -> PrekeyCount {
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let upload = self.device.prekey_upload(&mut self.store, &mut rand::rng(), now(), none);
        let count = self.post("/v1/prekeys", &upload.unwrap().unwrap()).await;
        self.device.prekeys_uploaded(&mut self.store, now()).unwrap();
        count
    }

    /// Its bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its mailbox.
    pub fn mailbox(&self) -> Mailbox {
        self.device.mailbox()
    }

    /// Seals a text for somebody, once their bundle has been fetched.
    pub async fn seal(&mut self, to: &str, text: &str) -> Sealed {
        let to = to.parse().unwrap();
        let (rng, store) = (&mut rand::rng(), &mut self.store);
        if !self.device.is_ready_for(store, &to, now()).unwrap() {
            let request = self.client.get(self.relay.url(&format!("/v1/prekeys/{to}")));
            let answer = request.bearer_auth(&self.token).send().await.unwrap();
            let bundle: Bundle = answer.error_for_status().unwrap().json().await.unwrap();
            self.device.accept_bundle(store, rng, now(), &to, &bundle).unwrap();
        }
        let text = Text { text: text.to_owned() };
        self.device.send(store, rng, now(), &to, None, &text).unwrap();
        self.store.take_outbox().pop().unwrap()
    }

    /// Hands an envelope to the relay and returns the status of its answer.
    pub async fn send(&self, sealed: &Sealed) -> u16 {
        let message = OutgoingMessage {
            id: sealed.transfer_id(),
            device_id: sealed.to().device_id,
            registration_id: sealed.registration_id(),
            envelope: Base64Bytes(sealed.envelope().as_bytes().to_vec()),
        };
        let request = SendRequest { to: sealed.to().handle.clone(), messages: vec![message] };
        let request = self.client.post(self.relay.url("/v1/messages")).json(&request);
        request.bearer_auth(&self.token).send().await.unwrap().status().as_u16()
    }

    /// Opens what was in its mailbox; the text, if it is one.
    pub fn open(&mut self, envelope: &[u8]) -> Option<String> {
        let incoming = Incoming { bytes: envelope, transfer_id: None, stored_at: now() };
        let opened =
            self.device.open_envelope(&mut self.store, &mut rand::rng(), now(), incoming).unwrap();
        let Opened::Message { content_id, .. } = opened else { return None };
        let arrived = self.store.inbox().iter().find(|entry| entry.content_id == content_id);
        body::decode(&arrived.unwrap().body).ok().map(|Text { text }| text)
    }

    async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> A {
        let request = self.client.post(self.relay.url(path)).json(body);
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

impl std::fmt::Debug for RemoteDevice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RemoteDevice").field("device", &self.device).finish_non_exhaustive()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

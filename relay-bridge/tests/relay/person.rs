//! A real device that speaks to the relay over HTTP.

use std::time::SystemTime;

use sysmaint_device::{Device, store::Memory};
use sysmaint_protocol::{
    DeviceId, Handle, Timestamp,
    rest::{
        Bundle, Challenge, ChallengeRequest, PrekeyCount, PrekeyUpload, RegisterRequest,
        Registered, Transport,
    },
    subject::Mailbox,
};

use crate::stage::{Answer, Stage};

pub const NONE_HELD: PrekeyCount = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };

pub struct Person {
    pub device: Device,
    pub store: Memory,
    pub token: String,
}

impl Person {
    /// With new keys, not registered.
    pub fn new(stage: &Stage, handle: &str) -> Self {
        let mut store = Memory::default();
        let root = stage.authority.trust_root();
        let (handle, number) = (handle.parse().unwrap(), DeviceId::FIRST);
        let device = Device::open(&mut store, &mut rand::rng(), &handle, number, &root).unwrap();
        Self { device, store, token: String::new() }
    }

    /// Registered for HTTP.
    pub async fn registered(stage: &Stage, handle: &str) -> Self {
        let mut person = Self::new(stage, handle);
        let answer = person.register(stage, Transport::Relay).await.into(201);
        person.take(&answer);
        person
    }

    /// Registered, and with prekeys in the directory.
    pub async fn ready(stage: &Stage, handle: &str) -> Self {
        let mut person = Self::registered(stage, handle).await;
        let upload = person.upload();
        let _counts: PrekeyCount = person.put_prekeys(stage, &upload).await.into(200);
        person
    }

    pub async fn register(&self, stage: &Stage, transport: Transport) -> Answer {
        let request = self.signed(&self.challenge(stage).await, transport);
        stage.post("/v1/register", None, &request).await
    }

    pub async fn challenge(&self, stage: &Stage) -> Challenge {
        let request =
            ChallengeRequest { identity: self.handle().clone(), device_id: DeviceId::FIRST };
        stage.post("/v1/register/challenge", None, &request).await.into(200)
    }

    pub fn signed(&self, challenge: &Challenge, transport: Transport) -> RegisterRequest {
        self.device.registration(&mut rand::rng(), challenge, transport, None).unwrap()
    }

    pub fn take(&mut self, answer: &Registered) {
        self.device.complete_registration(&mut self.store, answer).unwrap();
        self.token = answer.token.clone().unwrap();
    }

    pub fn upload(&mut self) -> PrekeyUpload {
        let rng = &mut rand::rng();
        self.device.prekey_upload(&mut self.store, rng, now(), NONE_HELD).unwrap().unwrap()
    }

    pub async fn put_prekeys(&self, stage: &Stage, upload: &PrekeyUpload) -> Answer {
        stage.post("/v1/prekeys", Some(&self.token), upload).await
    }

    pub async fn bundle_of(&self, stage: &Stage, handle: &str) -> Bundle {
        stage.get(&format!("/v1/prekeys/{handle}"), Some(&self.token)).await.into(200)
    }

    pub fn handle(&self) -> &Handle {
        self.device.handle()
    }

    pub fn mailbox(&self) -> Mailbox {
        self.device.mailbox()
    }
}

pub fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

//! The directory in memory: one device an identity, checked like the relay checks it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use async_trait::async_trait;
use rand::Rng;
use sysmaint_bus::{Directory, DirectoryError};
use sysmaint_device::{authority::Authority, key::IdentityKey, verify};
use sysmaint_endpoint::Clock;
use sysmaint_protocol::{
    Address, Base64Bytes, Handle,
    limits::CHALLENGE_LIFE,
    rest::{
        Bundle, Challenge, DeliveryCertificate, DeviceBundle, PrekeyCount, PrekeyUpload, Problem,
        RegisterRequest, Registered,
    },
    subject::Mailbox,
};

/// [`Directory`] over a certificate authority and a map.
#[derive(Debug)]
pub struct LocalDirectory {
    authority: Authority,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nonces: BTreeSet<Vec<u8>>,
    devices: BTreeMap<Handle, Listed>,
}

#[derive(Debug)]
struct Listed {
    request: RegisterRequest,
    key: IdentityKey,
    certificate: Vec<u8>,
    prekeys: Option<PrekeyUpload>,
}

impl LocalDirectory {
    /// Nobody is in it.
    pub fn new(authority: Authority, clock: Clock) -> Self {
        Self { authority, clock, state: Mutex::default() }
    }

    /// Forgets a device, so that its handle may be registered with another key.
    pub fn revoke(&self, handle: &Handle) {
        self.state.lock().unwrap().devices.remove(handle);
    }

    /// As if all one-time prekeys of a device had been taken.
    pub fn exhaust(&self, handle: &Handle) {
        let mut state = self.state.lock().unwrap();
        if let Some(prekeys) = state.devices.get_mut(handle).and_then(|it| it.prekeys.as_mut()) {
            prekeys.one_time_prekeys.clear();
            prekeys.one_time_kyber_prekeys.clear();
        }
    }

    /// Whether one-time prekeys of a device are left.
    pub fn has_prekeys(&self, handle: &Handle) -> bool {
        let state = self.state.lock().unwrap();
        let prekeys = state.devices.get(handle).and_then(|listed| listed.prekeys.as_ref());
        prekeys.is_some_and(|prekeys| !prekeys.one_time_prekeys.is_empty())
    }

    fn issue(&self, owner: Address, key: &IdentityKey) -> DeliveryCertificate {
        let now = self.clock.now();
        let issued = self.authority.issue(&mut rand::rng(), owner, key, now).unwrap();
        let certificate = Base64Bytes(issued.certificate);
        DeliveryCertificate { certificate, expires_at: issued.expires_at }
    }

    fn listed<T>(
        &self,
        handle: &Handle,
        look: impl FnOnce(&mut Listed) -> T,
    ) -> Result<T, DirectoryError> {
        let mut state = self.state.lock().unwrap();
        let listed = state.devices.get_mut(handle);
        listed.map(look).ok_or_else(|| refused(404, &"not registered"))
    }
}

#[async_trait]
impl Directory for LocalDirectory {
    async fn challenge(&self, _own: &Mailbox) -> Result<Challenge, DirectoryError> {
        let nonce = rand::rng().random::<[u8; 32]>().to_vec();
        self.state.lock().unwrap().nonces.insert(nonce.clone());
        let expires_at = self.clock.now().after(CHALLENGE_LIFE);
        Ok(Challenge { nonce: Base64Bytes(nonce), expires_at })
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, DirectoryError> {
        let key = verify::registration(request).map_err(|error| refused(400, &error))?;
        let owner = Address { service_id: request.service_id, device_id: request.device_id };
        let mut state = self.state.lock().unwrap();
        if !state.nonces.remove(&request.nonce.0) {
            return Err(refused(400, &"not a nonce of ours"));
        }
        let known = state.devices.get(&request.identity);
        if known.is_some_and(|known| known.key != key) {
            return Err(refused(409, &"the handle belongs to another key"));
        }
        let certificate = self.issue(owner, &key).certificate;
        let known = state.devices.remove(&request.identity);
        // A new registration id is a new store, which has none of the private halves.
        let same = known.filter(|known| known.request.registration_id == request.registration_id);
        let prekeys = same.and_then(|known| known.prekeys);
        let (request, bytes) = (request.clone(), certificate.0.clone());
        let listed = Listed { request, key, certificate: bytes, prekeys };
        state.devices.insert(listed.request.identity.clone(), listed);
        let trust_root = Base64Bytes(self.authority.trust_root());
        Ok(Registered { token: None, certificate, trust_root })
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError> {
        self.listed(&own.handle, |listed| {
            verify::prekeys(&listed.key, upload).map_err(|error| refused(400, &error))?;
            let mut upload = upload.clone();
            if let Some(known) = listed.prekeys.take() {
                upload.one_time_prekeys.extend(known.one_time_prekeys);
                upload.one_time_kyber_prekeys.extend(known.one_time_kyber_prekeys);
            }
            Ok(count(listed.prekeys.insert(upload)))
        })?
    }

    async fn prekey_count(&self, own: &Mailbox) -> Result<PrekeyCount, DirectoryError> {
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        self.listed(&own.handle, |listed| listed.prekeys.as_ref().map_or(none, count))
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError> {
        self.listed(&own.handle, |listed| {
            let Listed { request, key, .. } = listed;
            let owner = Address { service_id: request.service_id, device_id: request.device_id };
            let issued = self.issue(owner, key);
            listed.certificate.clone_from(&issued.certificate.0);
            issued
        })
    }

    async fn bundle(&self, _requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError> {
        self.listed(target, |listed| {
            let Listed { request, certificate, prekeys, .. } = listed;
            let prekeys = prekeys.as_mut().ok_or_else(|| refused(404, &"no prekeys yet"))?;
            let kyber = prekeys.one_time_kyber_prekeys.pop();
            let device = DeviceBundle {
                device_id: request.device_id,
                registration_id: request.registration_id,
                identity_key: request.identity_key.clone(),
                certificate: Base64Bytes(certificate.clone()),
                admission: None,
                signed_prekey: prekeys.signed_prekey.clone(),
                kyber_prekey: kyber.unwrap_or_else(|| prekeys.last_resort_kyber_prekey.clone()),
                one_time_prekey: prekeys.one_time_prekeys.pop(),
            };
            let (identity, service_id) = (request.identity.clone(), request.service_id);
            Ok(Bundle { identity, service_id, devices: vec![device] })
        })?
    }
}

fn count(prekeys: &PrekeyUpload) -> PrekeyCount {
    let number = |length: usize| u32::try_from(length).unwrap();
    PrekeyCount {
        one_time_prekeys: number(prekeys.one_time_prekeys.len()),
        one_time_kyber_prekeys: number(prekeys.one_time_kyber_prekeys.len()),
    }
}

fn refused(status: u16, detail: &dyn ToString) -> DirectoryError {
    DirectoryError::Refused(Problem {
        kind: "about:blank".to_owned(),
        title: "refused".to_owned(),
        status,
        detail: detail.to_string(),
    })
}

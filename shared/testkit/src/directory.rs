//! The directory in memory, checked like the relay checks it.

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
    Address, Admission, Base64Bytes, DeviceId, Handle, ServiceId,
    limits::CHALLENGE_LIFE,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, DeliveryCertificate, DeviceBundle, FormerDevice,
        PrekeyCount, PrekeyStock, PrekeyUpload, Problem, RegisterRequest, Registered, Roster,
        RosterDevice, standing_digest,
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
    identities: BTreeMap<Handle, Listing>,
    revision: u64,
    /// Bundles that were handed out.
    bundles: u64,
}

#[derive(Debug)]
struct Listing {
    service_id: ServiceId,
    revision: u64,
    devices: BTreeMap<DeviceId, Listed>,
    former: Vec<FormerDevice>,
    awaited: Vec<AdmitRequest>,
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

    /// Forgets an identity, so that its handle may be registered with another key.
    pub fn revoke(&self, handle: &Handle) {
        self.state.lock().unwrap().identities.remove(handle);
    }

    /// Throws one device out.
    pub fn revoke_device(&self, handle: &Handle, device_id: DeviceId) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        let revision = state.revision;
        let listing = state.identities.get_mut(handle).unwrap();
        listing.revision = revision;
        let Listed { request, .. } = listing.devices.remove(&device_id).unwrap();
        let RegisterRequest { identity_key, admission, .. } = request;
        listing.former.push(FormerDevice { device_id, identity_key, admission });
    }

    /// Lists a device that nobody has admitted, as a directory does that cannot be trusted.
    pub fn smuggle(&self, request: &RegisterRequest) {
        let key = IdentityKey::parse(&request.identity_key.0).unwrap();
        let owner = Address { service_id: request.service_id, device_id: request.device_id };
        let certificate = self.issue(owner, &key).certificate.0;
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        let revision = state.revision;
        let listing = state.identities.get_mut(&request.identity).unwrap();
        listing.revision = revision;
        let (request, prekeys) = (request.clone(), None);
        listing.devices.insert(owner.device_id, Listed { request, key, certificate, prekeys });
    }

    /// As if all one-time prekeys of a handle's devices had been taken.
    pub fn exhaust(&self, handle: &Handle) {
        let mut state = self.state.lock().unwrap();
        for listed in state.identities.get_mut(handle).unwrap().devices.values_mut() {
            if let Some(prekeys) = listed.prekeys.as_mut() {
                prekeys.one_time_prekeys.clear();
                prekeys.one_time_kyber_prekeys.clear();
            }
        }
    }

    /// Whether one-time prekeys of a handle are left.
    pub fn has_prekeys(&self, handle: &Handle) -> bool {
        let state = self.state.lock().unwrap();
        let mut devices =
            state.identities.get(handle).into_iter().flat_map(|it| it.devices.values());
        devices.any(|listed| {
            listed.prekeys.as_ref().is_some_and(|prekeys| !prekeys.one_time_prekeys.is_empty())
        })
    }

    /// What the first device of a handle has there.
    pub fn prekeys(&self, handle: &Handle) -> PrekeyUpload {
        let state = self.state.lock().unwrap();
        state.identities[handle].devices[&DeviceId::FIRST].prekeys.clone().unwrap()
    }

    /// Serves something else of it, as a directory does that was put back to an old copy.
    pub fn put_back(&self, handle: &Handle, prekeys: PrekeyUpload) {
        let mut state = self.state.lock().unwrap();
        let listing = state.identities.get_mut(handle).unwrap();
        listing.devices.get_mut(&DeviceId::FIRST).unwrap().prekeys = Some(prekeys);
    }

    /// How many bundles were handed out.
    pub fn bundles(&self) -> u64 {
        self.state.lock().unwrap().bundles
    }

    fn issue(&self, owner: Address, key: &IdentityKey) -> DeliveryCertificate {
        let now = self.clock.now();
        let issued = self.authority.issue(&mut rand::rng(), owner, key, now).unwrap();
        let certificate = Base64Bytes(issued.certificate);
        DeliveryCertificate { certificate, expires_at: issued.expires_at }
    }

    fn listing<T>(
        &self,
        handle: &Handle,
        look: impl FnOnce(&mut Listing) -> T,
    ) -> Result<T, DirectoryError> {
        let mut state = self.state.lock().unwrap();
        let listing = state.identities.get_mut(handle);
        listing.map(look).ok_or_else(|| refused(404, &"not registered"))
    }

    fn listed<T>(
        &self,
        own: &Mailbox,
        look: impl FnOnce(&mut Listed) -> T,
    ) -> Result<T, DirectoryError> {
        self.listing(&own.handle, |listing| {
            let listed = listing.devices.get_mut(&own.device_id);
            listed.map(look).ok_or_else(|| refused(404, &"not registered"))
        })?
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
        state.revision += 1;
        let revision = state.revision;
        let new = || Listing {
            service_id: request.service_id,
            revision,
            devices: BTreeMap::new(),
            former: Vec::new(),
            awaited: Vec::new(),
        };
        let listing = state.identities.entry(request.identity.clone()).or_insert_with(new);
        let known = listing.devices.get(&request.device_id);
        if listing.service_id != request.service_id || known.is_some_and(|known| known.key != key) {
            return Err(refused(409, &"the handle belongs to another key"));
        }
        let mut request = request.clone();
        if known.is_none() && !listing.devices.is_empty() {
            admit(listing, &mut request, &key)?;
        }
        listing.revision = revision;
        let certificate = self.issue(owner, &key).certificate;
        let known = listing.devices.remove(&request.device_id);
        // A new registration id is a new store, which has none of the private halves.
        let same =
            known.as_ref().filter(|known| known.request.registration_id == request.registration_id);
        let prekeys = same.and_then(|known| known.prekeys.clone());
        request.admission = request.admission.or(known.and_then(|known| known.request.admission));
        let bytes = certificate.0.clone();
        let listed = Listed { request, key, certificate: bytes, prekeys };
        listing.devices.insert(owner.device_id, listed);
        let trust_root = Base64Bytes(self.authority.trust_root());
        Ok(Registered { token: None, certificate, trust_root })
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, DirectoryError> {
        self.listed(own, |listed| {
            verify::prekeys(&listed.key, upload).map_err(|error| refused(400, &error))?;
            let mut upload = upload.clone();
            // Behind what is there, since the oldest are handed out first.
            if let Some(known) = listed.prekeys.take() {
                upload.one_time_prekeys.splice(..0, known.one_time_prekeys);
                upload.one_time_kyber_prekeys.splice(..0, known.one_time_kyber_prekeys);
            }
            Ok(count(listed.prekeys.insert(upload)))
        })?
    }

    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, DirectoryError> {
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        self.listed(own, |listed| PrekeyStock {
            count: listed.prekeys.as_ref().map_or(none, count),
            digest: listed.prekeys.as_ref().map(|prekeys| {
                let (signed, kyber) = (&prekeys.signed_prekey, &prekeys.last_resort_kyber_prekey);
                let digest = standing_digest(listed.key.as_bytes(), signed, kyber);
                Base64Bytes(digest.to_vec())
            }),
        })
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, DirectoryError> {
        self.listed(own, |listed| {
            let Listed { request, key, .. } = listed;
            let owner = Address { service_id: request.service_id, device_id: request.device_id };
            let issued = self.issue(owner, key);
            listed.certificate.clone_from(&issued.certificate.0);
            issued
        })
    }

    async fn bundle(&self, _requester: &Handle, target: &Handle) -> Result<Bundle, DirectoryError> {
        self.state.lock().unwrap().bundles += 1;
        self.listing(target, |listing| {
            let devices: Vec<_> = listing.devices.values_mut().filter_map(device_bundle).collect();
            if devices.is_empty() {
                return Err(refused(404, &"no prekeys yet"));
            }
            Ok(Bundle { identity: target.clone(), service_id: listing.service_id, devices })
        })?
    }

    async fn devices(
        &self,
        _requester: &Handle,
        target: &Handle,
    ) -> Result<Roster, DirectoryError> {
        self.listing(target, |listing| Roster {
            identity: target.clone(),
            service_id: listing.service_id,
            revision: listing.revision,
            devices: listing.devices.values().map(roster_device).collect(),
            former: listing.former.clone(),
        })
    }

    async fn admit(
        &self,
        own: &Mailbox,
        request: &AdmitRequest,
    ) -> Result<Admitted, DirectoryError> {
        let expires_at = self.clock.now().after(CHALLENGE_LIFE);
        self.listing(&own.handle, |listing| listing.awaited.push(request.clone()))?;
        Ok(Admitted { expires_at })
    }
}

/// Takes the statement that came with a registration, or the one that was handed in for it.
fn admit(
    listing: &Listing,
    request: &mut RegisterRequest,
    key: &IdentityKey,
) -> Result<(), DirectoryError> {
    let awaited = listing.awaited.iter().find(|awaited| {
        awaited.further_device_id == request.device_id
            && awaited.identity_key == request.identity_key
    });
    let handed_in = awaited.map(|awaited| awaited.admission.clone());
    request.admission = request.admission.take().or(handed_in);
    let statement = request.admission.as_ref().ok_or_else(|| {
        let kind = "urn:sysmaint:admission-required".to_owned();
        let (title, detail) = ("not admitted".to_owned(), "ask another device".to_owned());
        DirectoryError::Refused(Problem { kind, title, status: 403, detail })
    })?;
    let admission = Admission::parse(&statement.0).map_err(|error| refused(403, &error))?;
    let by = listing.devices.get(&admission.by).ok_or_else(|| refused(403, &"by a stranger"))?;
    let (service_id, device_id) = (request.service_id, request.device_id);
    if verify::admission(&by.key, service_id, device_id, key, &admission) {
        Ok(())
    } else {
        Err(refused(403, &"a forged admission"))
    }
}

/// Pops one prekey of each kind; `None` of a device that has uploaded none.
fn device_bundle(listed: &mut Listed) -> Option<DeviceBundle> {
    let Listed { request, certificate, prekeys, .. } = listed;
    let prekeys = prekeys.as_mut()?;
    let kyber = first(&mut prekeys.one_time_kyber_prekeys);
    Some(DeviceBundle {
        device_id: request.device_id,
        registration_id: request.registration_id,
        identity_key: request.identity_key.clone(),
        certificate: Base64Bytes(certificate.clone()),
        admission: request.admission.clone(),
        signed_prekey: prekeys.signed_prekey.clone(),
        kyber_prekey: kyber.unwrap_or_else(|| prekeys.last_resort_kyber_prekey.clone()),
        one_time_prekey: first(&mut prekeys.one_time_prekeys),
    })
}

fn first<T>(pool: &mut Vec<T>) -> Option<T> {
    (!pool.is_empty()).then(|| pool.remove(0))
}

fn roster_device(listed: &Listed) -> RosterDevice {
    let Listed { request, certificate, .. } = listed;
    RosterDevice {
        device_id: request.device_id,
        registration_id: request.registration_id,
        identity_key: request.identity_key.clone(),
        certificate: Base64Bytes(certificate.clone()),
        admission: request.admission.clone(),
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

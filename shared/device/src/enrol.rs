//! Becoming known to the directory.

use rand::{CryptoRng, Rng};
use sysmaint_protocol::{
    Base64Bytes, NatsLogin, Timestamp,
    limits::{CERTIFICATE_LIFE, CERTIFICATE_REFRESH},
    rest::{Challenge, DeliveryCertificate, RegisterRequest, Registered, Transport},
};
use zeroize::Zeroizing;

use crate::{
    Device, certificate, device,
    store::{Store, StoreError},
};

/// A registration could not be made or must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The relay's certificate does not chain to the pinned root.
    #[error("the relay's certificate is not under the pinned trust root")]
    Certificate,
    /// The relay's certificate is for another device, or for another key of this one.
    #[error("the relay's certificate is for another device or another key")]
    CertificateOfAnother,
    /// The relay works under another root than the pinned one.
    #[error("the relay's trust root is not the pinned one: this is another relay, or an impostor")]
    Root,
    /// Signing failed.
    #[error("the registration could not be signed")]
    Signing,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Device {
    /// Answers a challenge with a signed registration.
    pub fn registration<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        challenge: &Challenge,
        transport: Transport,
        code: Option<String>,
    ) -> Result<RegisterRequest, EnrolError> {
        self.signed_registration(rng, self.registration_id, challenge, (transport, code, None))
    }

    /// The same, for a device that NATS is to let in by a key of its own.
    pub fn registration_with_login<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        challenge: &Challenge,
        transport: Transport,
        code: Option<String>,
        nats: Option<NatsLogin>,
    ) -> Result<RegisterRequest, EnrolError> {
        self.signed_registration(rng, self.registration_id, challenge, (transport, code, nats))
    }

    /// The same, under the registration id that is stored now.
    pub fn renewed_registration<R: Rng + CryptoRng>(
        &self,
        store: &dyn Store,
        rng: &mut R,
        challenge: &Challenge,
        transport: Transport,
        code: Option<String>,
    ) -> Result<RegisterRequest, EnrolError> {
        let id = device::local(store)?.registration_id;
        self.signed_registration(rng, id, challenge, (transport, code, None))
    }

    fn signed_registration<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        registration_id: u32,
        challenge: &Challenge,
        (transport, code, nats): (Transport, Option<String>, Option<NatsLogin>),
    ) -> Result<RegisterRequest, EnrolError> {
        let mut request = RegisterRequest {
            identity: self.handle.clone(),
            service_id: self.address.service_id,
            device_id: self.address.device_id,
            registration_id,
            identity_key: Base64Bytes(self.identity.identity_key().serialize().into_vec()),
            transport,
            nonce: challenge.nonce.clone(),
            signature: Base64Bytes(Vec::new()),
            code,
            admission: None,
            nats,
        };
        let signature =
            self.identity.private_key().calculate_signature(&request.signed_bytes(), rng);
        request.signature = Base64Bytes(signature.map_err(|_| EnrolError::Signing)?.into_vec());
        Ok(request)
    }

    /// Takes the relay's answer, if it holds under the pinned root.
    pub fn complete_registration(
        &self,
        store: &mut dyn Store,
        answer: &Registered,
    ) -> Result<(), EnrolError> {
        if answer.trust_root.0 != self.trust_root.as_bytes() {
            return Err(EnrolError::Root);
        }
        self.put_certificate(store, &answer.certificate.0, answer.token.clone())
    }

    /// Takes a fresh certificate.
    pub fn renew_certificate(
        &self,
        store: &mut dyn Store,
        answer: &DeliveryCertificate,
    ) -> Result<(), EnrolError> {
        self.put_certificate(store, &answer.certificate.0, None)
    }

    /// Notes the registration id that the directory has taken.
    pub fn note_registered(&self, store: &mut dyn Store, id: u32) -> Result<(), StoreError> {
        let mut local = device::local(store)?;
        local.registered_as = id;
        store.put_local(&local)
    }

    /// Whether the directory has to be told a new registration id, so that it drops prekeys which
    /// another copy of this store had made.
    pub fn is_renewed(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let local = device::local(store)?;
        Ok(local.registered_as != 0 && local.registered_as != local.registration_id)
    }

    /// Whether a registration was completed.
    pub fn is_registered(&self, store: &dyn Store) -> Result<bool, StoreError> {
        Ok(device::local(store)?.certificate.is_some())
    }

    /// The bearer token of the last registration, where the relay gave one.
    pub fn token(&self, store: &dyn Store) -> Result<Option<Zeroizing<String>>, StoreError> {
        Ok(device::local(store)?.token)
    }

    /// Whether the certificate is a day old, or looks it by a clock that may be wrong.
    pub fn certificate_due(&self, store: &dyn Store, now: Timestamp) -> Result<bool, StoreError> {
        let local = device::local(store)?;
        let issued_at = local.certificate_expires_at.before(CERTIFICATE_LIFE);
        Ok(local.certificate.is_none()
            || now.since(issued_at) >= CERTIFICATE_REFRESH
            || now < issued_at.before(CERTIFICATE_REFRESH))
    }

    /// Whether the certificate has expired, or looks it by a clock that may be wrong.
    pub fn certificate_expired(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(now >= device::local(store)?.certificate_expires_at)
    }

    fn put_certificate(
        &self,
        store: &mut dyn Store,
        bytes: &[u8],
        token: Option<String>,
    ) -> Result<(), EnrolError> {
        let certified =
            certificate::validate_chain(bytes, &self.trust_root).ok_or(EnrolError::Certificate)?;
        let own_key = self.identity.identity_key().serialize();
        if certified.owner != self.address || certified.key.as_bytes()[..] != own_key[..] {
            return Err(EnrolError::CertificateOfAnother);
        }
        let mut local = device::local(store)?;
        local.certificate = Some(bytes.to_vec());
        local.certificate_expires_at = certified.expires_at;
        if let Some(token) = token {
            local.token = Some(Zeroizing::new(token));
        }
        Ok(store.put_local(&local)?)
    }
}

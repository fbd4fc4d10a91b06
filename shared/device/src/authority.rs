//! The relay's certificate authority: who may be called the sender of a sealed message.
//!
//! A trust root signs one server certificate; the server key signs a sender certificate for each
//! device. Devices pin the root. The authority never sees a message key, but who holds its file
//! can name himself anybody: it is kept encrypted, and it is the same for every bridge.

use libsignal_protocol::{KeyPair, PrivateKey, PublicKey, SenderCertificate, ServerCertificate};
use rand::{CryptoRng, Rng};
use sysmaint_protocol::{Address, Timestamp, limits::CERTIFICATE_LIFE};
use zeroize::Zeroizing;

use crate::key::IdentityKey;

/// The first and, so far, only server certificate.
const SERVER_KEY_ID: u32 = 1;
const VERSION: u8 = 1;
const PRIVATE_KEY: usize = 32;

/// Trust root, server certificate and server key.
#[derive(Clone)]
pub struct Authority {
    root: KeyPair,
    server_key: PrivateKey,
    server_certificate: ServerCertificate,
}

/// A sender certificate and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// As sealed sender messages embed it.
    pub certificate: Vec<u8>,
    /// Seven days after it was issued.
    pub expires_at: Timestamp,
}

/// The authority could not be read or could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The bytes are not an authority of this version.
    #[error("the certificate authority's file is damaged or of another version")]
    Damaged,
    /// libsignal refused; it does not for keys that were checked before.
    #[error("the certificate could not be signed")]
    Signing,
}

impl Authority {
    /// A new root and a new server key.
    pub fn generate<R: Rng + CryptoRng>(rng: &mut R) -> Result<Self, AuthorityError> {
        let (root, server) = (KeyPair::generate(rng), KeyPair::generate(rng));
        let server_certificate =
            ServerCertificate::new(SERVER_KEY_ID, server.public_key, &root.private_key, rng)
                .map_err(|_| AuthorityError::Signing)?;
        Ok(Self { root, server_key: server.private_key, server_certificate })
    }

    /// For an encrypted file: version, root key, server key, server certificate.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
        let mut bytes = Zeroizing::new(vec![VERSION]);
        bytes.extend_from_slice(&Zeroizing::new(self.root.private_key.serialize()));
        bytes.extend_from_slice(&Zeroizing::new(self.server_key.serialize()));
        let certificate = self.server_certificate.serialized();
        bytes.extend_from_slice(certificate.map_err(|_| AuthorityError::Signing)?);
        Ok(bytes)
    }

    /// Reads [`Self::to_bytes`] back.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AuthorityError> {
        let damaged = |_| AuthorityError::Damaged;
        let keys = bytes.strip_prefix(&[VERSION]).ok_or(AuthorityError::Damaged)?;
        let (root, rest) = keys.split_at_checked(PRIVATE_KEY).ok_or(AuthorityError::Damaged)?;
        let (server, certificate) =
            rest.split_at_checked(PRIVATE_KEY).ok_or(AuthorityError::Damaged)?;
        let root = PrivateKey::deserialize(root).map_err(damaged)?;
        let root = KeyPair::new(root.public_key().map_err(damaged)?, root);
        let server_key = PrivateKey::deserialize(server).map_err(damaged)?;
        let server_public = server_key.public_key().map_err(damaged)?;
        let server_certificate = ServerCertificate::deserialize(certificate)
            .ok()
            .filter(|certificate| certificate.validate(&root.public_key).unwrap_or(false))
            .filter(|certificate| certificate.public_key().is_ok_and(|key| key == server_public))
            .ok_or(AuthorityError::Damaged)?;
        Ok(Self { root, server_key, server_certificate })
    }

    /// What devices pin, 33 bytes.
    pub fn trust_root(&self) -> Vec<u8> {
        self.root.public_key.serialize().into_vec()
    }

    /// Certifies that a device of an identity has this key.
    pub fn issue<R: Rng + CryptoRng>(
        &self,
        rng: &mut R,
        owner: Address,
        identity_key: &IdentityKey,
        now: Timestamp,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let expires_at = now.after(CERTIFICATE_LIFE);
        let key =
            PublicKey::deserialize(identity_key.as_bytes()).map_err(|_| AuthorityError::Signing)?;
        let device = libsignal_protocol::DeviceId::try_from(u32::from(owner.device_id.get()))
            .map_err(|_| AuthorityError::Signing)?;
        let certificate = SenderCertificate::new(
            owner.service_id.to_string(),
            None,
            key,
            device,
            libsignal_protocol::Timestamp::from_epoch_millis(expires_at.as_millis()),
            self.server_certificate.clone(),
            &self.server_key,
            rng,
        )
        .map_err(|_| AuthorityError::Signing)?;
        let certificate = certificate.serialized().map_err(|_| AuthorityError::Signing)?.to_vec();
        Ok(IssuedCertificate { certificate, expires_at })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { root: _, server_key: _, server_certificate: _ } = self;
        formatter.debug_struct("Authority").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rng;

    #[test]
    fn an_authority_comes_back_from_its_file_and_damage_is_noticed() {
        let authority = Authority::generate(&mut rng()).unwrap();
        let bytes = authority.to_bytes().unwrap();
        let again = Authority::from_bytes(&bytes).unwrap();
        assert_eq!(again.trust_root(), authority.trust_root());
        for index in [0, 5, 40, bytes.len() - 1] {
            let mut damaged = bytes.to_vec();
            damaged[index] ^= 0x40;
            assert!(Authority::from_bytes(&damaged).is_err(), "byte {index}");
        }
        assert!(Authority::from_bytes(&bytes[..60]).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let authority = Authority::generate(&mut rng()).unwrap();
        assert_eq!(format!("{authority:?}"), "Authority { .. }");
    }
}

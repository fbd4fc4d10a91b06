//! What a relay checks before it takes anybody's keys.

use libsignal_protocol::{PublicKey, kem};
use sysmaint_protocol::{
    Admission, DeviceId, ServiceId,
    rest::{PrekeyUpload, RegisterRequest, SignedPrekey},
};

use crate::key::{IdentityKey, InvalidKey, canonical};

/// libsignal's registration ids have 14 bits; the official servers stop here.
const REGISTRATION_ID_MAX: u32 = 0x3fff;
/// Prekey ids have 24 bits.
const PREKEY_ID_MAX: u32 = 0x00ff_ffff;

/// A registration that must not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRegistration {
    /// The identity key is malformed or of low order.
    #[error("the identity key is {0}")]
    Key(#[from] InvalidKey),
    /// The registration id is out of range.
    #[error("a registration id must be 1 to {REGISTRATION_ID_MAX}, not {0}")]
    RegistrationId(u32),
    /// The signature is not by the identity key over this request.
    #[error("the signature does not belong to this identity key and nonce")]
    Signature,
}

/// Checks a registration against its own key and the nonce in it; returns the key.
pub fn registration(request: &RegisterRequest) -> Result<IdentityKey, InvalidRegistration> {
    let id = request.registration_id;
    if id == 0 || id > REGISTRATION_ID_MAX {
        return Err(InvalidRegistration::RegistrationId(id));
    }
    let key = canonical(&request.identity_key.0)?;
    if key.verify_signature(&request.signed_bytes(), &request.signature.0) {
        Ok(IdentityKey::of(&key)?)
    } else {
        Err(InvalidRegistration::Signature)
    }
}

/// Whether the owner of a key has admitted a device with another key under their service id.
pub fn admission(
    by: &IdentityKey,
    service_id: ServiceId,
    device_id: DeviceId,
    identity_key: &IdentityKey,
    admission: &Admission,
) -> bool {
    let statement =
        Admission::statement(admission.by, service_id, device_id, identity_key.as_bytes());
    // A key that was taken before is of the right order.
    PublicKey::deserialize(by.as_bytes())
        .is_ok_and(|key| key.verify_signature(&statement, &admission.signature))
}

/// Prekeys that must not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrekeys {
    /// A key's id is out of range.
    #[error("a prekey id must be 1 to {PREKEY_ID_MAX}, not {0}")]
    Id(u32),
    /// A key is malformed or of low order.
    #[error("the key of prekey {0} is malformed")]
    Key(u32),
    /// A signature is not by the owner's identity key.
    #[error("the signature of prekey {0} is not by the owner's identity key")]
    Signature(u32),
}

/// Checks every key and every signature of an upload.
pub fn prekeys(owner: &IdentityKey, upload: &PrekeyUpload) -> Result<(), InvalidPrekeys> {
    let identity = canonical(owner.as_bytes()).map_err(|_| InvalidPrekeys::Key(0))?;
    signed_ec(&identity, &upload.signed_prekey)?;
    signed_kyber(&identity, &upload.last_resort_kyber_prekey)?;
    for key in &upload.one_time_kyber_prekeys {
        signed_kyber(&identity, key)?;
    }
    for key in &upload.one_time_prekeys {
        check_id(key.id)?;
        canonical(&key.public_key.0).map_err(|_| InvalidPrekeys::Key(key.id))?;
    }
    Ok(())
}

fn signed_ec(identity: &PublicKey, prekey: &SignedPrekey) -> Result<(), InvalidPrekeys> {
    check_id(prekey.id)?;
    canonical(&prekey.public_key.0).map_err(|_| InvalidPrekeys::Key(prekey.id))?;
    check_signature(identity, prekey)
}

fn signed_kyber(identity: &PublicKey, prekey: &SignedPrekey) -> Result<(), InvalidPrekeys> {
    check_id(prekey.id)?;
    kem::PublicKey::deserialize(&prekey.public_key.0)
        .ok()
        .filter(|key| key.key_type() == kem::KeyType::Kyber1024)
        .ok_or(InvalidPrekeys::Key(prekey.id))?;
    check_signature(identity, prekey)
}

fn check_id(id: u32) -> Result<(), InvalidPrekeys> {
    if id == 0 || id > PREKEY_ID_MAX { Err(InvalidPrekeys::Id(id)) } else { Ok(()) }
}

fn check_signature(identity: &PublicKey, prekey: &SignedPrekey) -> Result<(), InvalidPrekeys> {
    let genuine = identity.verify_signature(&prekey.public_key.0, &prekey.signature.0);
    if genuine { Ok(()) } else { Err(InvalidPrekeys::Signature(prekey.id)) }
}

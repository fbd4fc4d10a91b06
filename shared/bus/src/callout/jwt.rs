//! JSON web tokens as NATS has them: one header, one algorithm, keys that name their own kind.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::Issuer;

const TYPE: &str = "JWT";
const ALGORITHM: &str = "ed25519-nkey";

#[derive(Serialize, Deserialize)]
struct Header {
    typ: String,
    alg: String,
}

/// The claims that every token has, around those of its kind.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims<N> {
    /// For whom.
    pub(super) aud: String,
    /// Until when, in seconds since 1970; absent means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<u64>,
    /// Since when.
    pub(super) iat: u64,
    /// By whom: a public nkey, which also verifies it.
    pub(super) iss: String,
    /// Its own id.
    #[serde(default)]
    pub(super) jti: String,
    /// About whom.
    pub(super) sub: String,
    /// The rest.
    pub(super) nats: N,
}

/// Signs claims; `iss` and `jti` are filled in here.
pub(super) fn sign<N: Serialize>(mut claims: Claims<N>, issuer: &Issuer) -> Option<String> {
    issuer.public_key().clone_into(&mut claims.iss);
    claims.jti.clear();
    let digest = Sha256::digest(serde_json::to_vec(&claims).ok()?);
    claims.jti = URL_SAFE_NO_PAD.encode(digest);
    let header = Header { typ: TYPE.to_owned(), alg: ALGORITHM.to_owned() };
    let signed = format!("{}.{}", encode(&header)?, encode(&claims)?);
    let signature = issuer.sign(signed.as_bytes())?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Reads claims that a server signed, with the key that they name.
pub(super) fn verify_from_server<N: DeserializeOwned>(token: &str) -> Option<Claims<N>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = decode(header)?;
    if header.typ != TYPE || header.alg != ALGORITHM {
        return None;
    }
    let claims: Claims<N> = decode(claims)?;
    let key = KeyPair::from_public_key(&claims.iss).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let genuine = matches!(key.key_pair_type(), KeyPairType::Server)
        && key.verify(signed.as_bytes(), &signature).is_ok();
    genuine.then_some(claims)
}

fn encode<T: Serialize>(value: &T) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).ok()?))
}

fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

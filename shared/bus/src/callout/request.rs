//! What a server asks: may whoever holds this key come in? Read strictly, believed only as far as
//! two signatures reach: the server's over the question, the key's over the server's nonce.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde::Deserialize;
use sysmaint_protocol::NatsUserKey;

use super::jwt::{Claims, verify_from_server};
use crate::credentials::is_genuine;

/// Bytes of a question. The server's own are below 4 KiB, unless a client sent long options.
const QUESTION_MAX: usize = 64 * 1024;
const AUDIENCE: &str = "nats-authorization-request";
const KIND: &str = "authorization_request";

/// Somebody who asks to be let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The server that asks, by its public key: the answer is for it alone.
    pub(super) server: String,
    /// The name that the server gave this one connection: the answer is about it alone.
    pub(super) connection: NatsUserKey,
    /// The key that the client has proved to hold; absent if it proved none.
    pub(super) user: Option<NatsUserKey>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "type")]
    kind: String,
    server_id: Server,
    user_nkey: NatsUserKey,
    client_info: ClientInfo,
    connect_opts: ConnectOptions,
}

#[derive(Deserialize)]
struct Server {
    id: String,
}

#[derive(Deserialize)]
struct ClientInfo {
    #[serde(default)]
    nonce: String,
}

/// As the client sent them; nothing in them is true before it was checked.
#[derive(Deserialize)]
struct ConnectOptions {
    #[serde(default)]
    nkey: String,
    #[serde(default)]
    sig: String,
}

impl Question {
    /// `None` for what no server asks; there is nobody to answer then.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        if payload.len() > QUESTION_MAX {
            return None;
        }
        let token = std::str::from_utf8(payload).ok()?;
        let Claims { aud, iss, nats, .. }: Claims<Asked> = verify_from_server(token)?;
        let Asked { kind, server_id, user_nkey, client_info, connect_opts } = nats;
        let consistent = aud == AUDIENCE && kind == KIND && server_id.id == iss;
        (consistent && is_genuine(&user_nkey)).then(|| Self {
            server: iss,
            connection: user_nkey,
            user: proved(connect_opts, &client_info.nonce),
        })
    }
}

fn proved(options: ConnectOptions, nonce: &str) -> Option<NatsUserKey> {
    let user = NatsUserKey::try_from(options.nkey).ok()?;
    let key = KeyPair::from_public_key(user.as_str()).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(options.sig.trim_end_matches('=')).ok()?;
    let holds = !nonce.is_empty() && key.verify(nonce.as_bytes(), &signature).is_ok();
    holds.then_some(user)
}

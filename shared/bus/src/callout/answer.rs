//! What the server is told: no, or yes with exactly the permissions of one device.

use std::time::Duration;

use serde::Serialize;
use sysmaint_protocol::{InboxPrefix, subject::Mailbox};

use super::{
    jwt::{Claims, sign},
    request::Question,
};
use crate::{Issuer, Permissions, Role};

/// The account in which devices are.
const ACCOUNT: &str = "RELAY";
const VERSION: u32 = 2;

/// A login that the registry knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLogin {
    /// Whose it is.
    pub device: Mailbox,
    /// Where its answers come.
    pub inbox: InboxPrefix,
}

#[derive(Serialize)]
struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
}

#[derive(Serialize)]
struct User {
    #[serde(rename = "pub")]
    publish: Allowed,
    #[serde(rename = "sub")]
    subscribe: Allowed,
    /// No bound of its own on subscriptions, bytes and size: the server's apply.
    subs: i64,
    data: i64,
    payload: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
}

/// Nothing at all where it is empty, as everywhere in NATS that would mean everything.
#[derive(Serialize)]
#[serde(untagged)]
enum Allowed {
    These { allow: Vec<String> },
    Nothing { deny: [&'static str; 1] },
}

impl From<Vec<String>> for Allowed {
    fn from(subjects: Vec<String>) -> Self {
        if subjects.is_empty() {
            Self::Nothing { deny: [">"] }
        } else {
            Self::These { allow: subjects }
        }
    }
}

/// Lets one connection in as one device, until `life` is over; `now` is in seconds since 1970.
pub(super) fn yes(
    question: &Question,
    known: &KnownLogin,
    issuer: &Issuer,
    shards: u32,
    now: u64,
    life: Duration,
) -> Option<String> {
    let role = Role::Service(vec![known.device.clone()]);
    let Permissions { publish, subscribe } = role.permissions(known.inbox.as_str(), shards);
    let user = User {
        publish: publish.into(),
        subscribe: subscribe.into(),
        subs: -1,
        data: -1,
        payload: -1,
        kind: "user",
        version: VERSION,
    };
    let user = sign(
        Claims {
            aud: ACCOUNT.to_owned(),
            exp: Some(now.saturating_add(life.as_secs().max(1))),
            iat: now,
            iss: String::new(),
            jti: String::new(),
            sub: question.connection.as_str().to_owned(),
            nats: user,
        },
        issuer,
    )?;
    respond(question, Some(user), None, issuer, now)
}

/// Keeps one connection out. The reason is for the server's log.
pub(super) fn no(
    question: &Question,
    reason: &'static str,
    issuer: &Issuer,
    now: u64,
) -> Option<String> {
    respond(question, None, Some(reason), issuer, now)
}

fn respond(
    question: &Question,
    jwt: Option<String>,
    error: Option<&'static str>,
    issuer: &Issuer,
    now: u64,
) -> Option<String> {
    let nats = Response { jwt, error, kind: "authorization_response", version: VERSION };
    sign(
        Claims {
            aud: question.server.clone(),
            exp: None,
            iat: now,
            iss: String::new(),
            jti: String::new(),
            sub: question.connection.as_str().to_owned(),
            nats,
        },
        issuer,
    )
}

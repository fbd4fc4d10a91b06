//! Who asks: bearer tokens of devices and of the operator.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sysmaint_protocol::subject::Mailbox;

use super::{App, admission::KnownDevice, failure::Failure, peer};
use crate::{
    Origin,
    counters::Event,
    directory::TokenHash,
    limits::Caller,
    problem::{OPERATORS_ONLY, UNAUTHENTICATED},
};

/// The device whose token a request carries.
pub(super) struct Authenticated(pub(super) Mailbox);

/// The same, and one message more is on its account. Before the body, which may be large.
pub(super) struct Sender;

/// Somebody who may see how the relay is doing.
pub(super) struct Operator;

impl FromRequestParts<App> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if let Some(KnownDevice(device)) = parts.extensions.remove() {
            return Ok(Self(device));
        }
        let device = find_device(parts, app).await?;
        // The call was admitted before it was known whose it is.
        app.limits.call(&Caller::Device(device.clone()))?;
        Ok(Self(device))
    }
}

impl FromRequestParts<App> for Sender {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let device = match parts.extensions.remove() {
            Some(KnownDevice(device)) => device,
            None => find_device(parts, app).await?,
        };
        app.limits.message(&device)?;
        Ok(Self)
    }
}

async fn find_device(parts: &Parts, app: &App) -> Result<Mailbox, Failure> {
    let token = bearer(&parts.headers).and_then(TokenHash::of_presented);
    let device = match token {
        Some(token) => app.directory.device_of_token(&token).await?,
        None => None,
    };
    device.ok_or_else(|| {
        app.counters.count(Event::Unauthenticated);
        let detail = "send the token of the last registration as Authorization: Bearer, or \
            register again for a new one";
        UNAUTHENTICATED.because(detail).into()
    })
}

impl FromRequestParts<App> for Operator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let known = app.config.operator_token.as_ref();
        let presented = bearer(&parts.headers);
        let by_token = known.zip(presented).is_some_and(|(known, token)| is_equal(known, token));
        if by_token || peer::origin(parts) == Origin::Loopback {
            return Ok(Self);
        }
        let detail = "ask from the relay's own machine by a loopback address, or send the \
            operator token as Authorization: Bearer";
        Err(OPERATORS_ONLY.because(detail).into())
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(peer::origin(parts))
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Compares digests, and all of their bytes, so that the time taken says nothing of the token.
fn is_equal(known: &SecretString, presented: &str) -> bool {
    let known = Sha256::digest(known.expose_secret());
    let presented = Sha256::digest(presented);
    known.iter().zip(presented.iter()).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(value: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(presented("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(presented("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(presented("Basic abc"), None);
        assert_eq!(presented("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn only_the_very_token_is_equal() {
        let known = SecretString::from("operator");
        assert!(is_equal(&known, "operator"));
        for other in ["", "operato", "operator ", "Operator"] {
            assert!(!is_equal(&known, other), "{other:?}");
        }
    }
}

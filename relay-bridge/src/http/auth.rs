//! Who asks: bearer tokens of devices and of the operator.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use sysmaint_protocol::subject::Mailbox;
use sysmaint_service::http_server::{bearer, is_token};

use super::{App, admission::KnownDevice, failure::Failure, peer};
use crate::{
    DiagnosticsAccess, Origin,
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
        let by_token = known.zip(presented).is_some_and(|(known, token)| is_token(known, token));
        let is_open = app.config.diagnostics == DiagnosticsAccess::Open;
        if by_token || is_open || peer::origin(parts) == Origin::Loopback {
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

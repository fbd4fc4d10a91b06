//! Who may have a call worked on at all, decided before anything of it is read or looked up.
//!
//! A token that is known here goes on its device's account; any other call on that of the address
//! it comes from, so that a token must be paid for before it is looked up. Processes on this
//! machine that call by a loopback address have none. Behind a proxy all share the proxy's.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use sysmaint_protocol::subject::Mailbox;
use sysmaint_service::http_server::{Peer, bearer};

use super::{App, MESSAGES, failure::Failure, peer};
use crate::{
    directory::TokenHash,
    limits::{Caller, Limited},
};

/// The device whose token a request carries, where that was known without asking the registry.
#[derive(Clone)]
pub(super) struct KnownDevice(pub(super) Mailbox);

/// On whose account a registration goes; none for a process on this machine.
pub(super) struct Registrant(pub(super) Option<Peer>);

/// Refuses whoever calls too often, and ever more slowly those who go on.
pub(super) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = caller(&app, &parts);
    let device = match &caller {
        Some(Caller::Device(device)) => Some(KnownDevice(device.clone())),
        _ => None,
    };
    // Messages have an account of their own.
    let judged = match &caller {
        Some(Caller::Device(_)) if parts.uri.path() == MESSAGES => Ok(()),
        Some(caller) => app.limits.call(caller),
        None => Ok(()),
    };
    let response = match judged {
        Ok(()) => {
            if let Some(device) = device {
                parts.extensions.insert(device);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(limited) => Failure::from(limited).into_response(),
    };
    if let Some(limited) = response.extensions().get::<Limited>() {
        app.limits.hold_refusal(*limited).await;
    }
    response
}

fn caller(app: &App, parts: &Parts) -> Option<Caller> {
    let token = bearer(&parts.headers).and_then(TokenHash::of_presented);
    let device = token.and_then(|token| app.directory.known_device(&token));
    device.map(Caller::Device).or_else(|| peer::peer(parts).map(Caller::Peer))
}

impl FromRequestParts<App> for Registrant {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self(peer::peer(parts)))
    }
}

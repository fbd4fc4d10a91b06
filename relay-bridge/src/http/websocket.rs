//! `GET /ws`: who may open a connection, checked before it is one.

use axum::{
    extract::{
        FromRequestParts, Query, State,
        rejection::QueryRejection,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{
        HeaderMap, HeaderValue,
        header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use sysmaint_protocol::{
    DeviceId, Handle,
    rest::{Problem, Transport},
    subject::Mailbox,
    websocket::TOKEN_SUBPROTOCOL,
};
use sysmaint_service::http_server::bearer;

use super::{
    App,
    auth::Authenticated,
    failure::Failure,
    openapi::{ANY, MESSAGES, TOKEN, problems},
};
use crate::{
    directory::TokenHash,
    problem::{
        INVALID_REQUEST, NOT_A_WEBSOCKET, OTHER_DEVICE, OTHER_TRANSPORT, TOO_MANY_SOCKETS,
        UNKNOWN_IDENTITY,
    },
};

problems! {
    SocketProblems = ANY, TOKEN, &[
        INVALID_REQUEST, NOT_A_WEBSOCKET, OTHER_DEVICE, OTHER_TRANSPORT, TOO_MANY_SOCKETS,
        UNKNOWN_IDENTITY,
    ];
}

/// The device whose token a request carries, in a header or, as browsers do it, in a subprotocol.
pub(super) struct Client {
    own: Mailbox,
    token: TokenHash,
}

/// The query.
#[derive(Deserialize)]
pub(super) struct Asked {
    client_id: String,
}

impl FromRequestParts<App> for Client {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if !parts.headers.contains_key(AUTHORIZATION)
            && let Some(value) = offered_token(&parts.headers)
        {
            parts.headers.insert(AUTHORIZATION, value);
        }
        let Authenticated(own) = Authenticated::from_request_parts(parts, app).await?;
        let token = bearer(&parts.headers).and_then(TokenHash::of_presented);
        let token = token.ok_or_else(|| INVALID_REQUEST.because("the token cannot be read"))?;
        Ok(Self { own, token })
    }
}

/// Read a mailbox, and send
///
/// A WebSocket with one JSON object in each text message: `ServerFrame` from the relay,
/// `ClientFrame` to it.
///
/// The relay delivers what waits in the device's mailbox, oldest first, and goes on with what
/// arrives. What is not acknowledged with `ack` is delivered again on the next connection, so
/// store first and acknowledge then; `acked` says that it is gone from the relay. At most 256
/// deliveries are on their way without an acknowledgement. The newest connection of a device wins:
/// the older one ends with `closed` and the reason `replaced`.
///
/// The device's token goes into `Authorization`. A browser cannot set that header: it offers a
/// second subprotocol, `sysmaint.token.` with the token behind it.
#[utoipa::path(
    get,
    path = "/ws",
    operation_id = "openSocket",
    tag = MESSAGES,
    params(
        (
            "client_id" = String,
            Query,
            description = "The device of the token: its handle, a dot, and its number; without \
                a number it is device 1.",
            pattern = r"^[a-z0-9][a-z0-9_-]{0,62}(?:\.(?:[1-9]|[1-9][0-9]|1[01][0-9]|12[0-7]))?$",
            max_length = 67,
            example = "carol",
        ),
    ),
    responses(
        (
            status = 101,
            description = "The connection is a WebSocket now.",
            headers(
                ("Sec-WebSocket-Protocol" = String, description = "`sysmaint.v1`, if it was offered."),
            ),
        ),
        SocketProblems,
    ),
    security(("device" = [])),
)]
pub(super) async fn websocket(
    client: Client,
    State(app): State<App>,
    asked: Result<Query<Asked>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let Client { own, token } = client;
    let asked =
        asked.ok().and_then(|Query(asked)| client_id(&asked.client_id)).ok_or_else(|| {
            INVALID_REQUEST.because(
                "client_id: name the device as <handle> or <handle>.<device>, such as alice.2; \
             without a number it is device 1",
            )
        })?;
    if asked != own {
        let detail = "the token belongs to another device than client_id names: each device \
            connects with its own";
        return Err(OTHER_DEVICE.because(detail).into());
    }
    check_transport(&app, &own).await?;
    let upgrade = upgrade.map_err(|rejection| not_a_websocket(&rejection))?;
    let slot = app.sockets.admit()?;
    Ok(app.sockets.upgrade(upgrade, slot, own, token).into_response())
}

/// A device beside the broker has a consumer, which would hand out what is removed here.
async fn check_transport(app: &App, own: &Mailbox) -> Result<(), Problem> {
    let (identity, _) = app.directory.identity(&own.handle).await?;
    let mut devices = identity.devices.iter();
    match devices.find(|device| device.device_id == own.device_id) {
        Some(device) if device.transport == Transport::Nats => Err(OTHER_TRANSPORT.because(
            "this device is registered for nats and reads its mailbox there: a device keeps its \
             transport, so register another one for the relay",
        )),
        Some(_) | None => Ok(()),
    }
}

fn not_a_websocket(rejection: &WebSocketUpgradeRejection) -> Problem {
    NOT_A_WEBSOCKET.because(format!("this path speaks WebSocket, over HTTP/1.1: {rejection}"))
}

fn client_id(text: &str) -> Option<Mailbox> {
    if text.contains('.') {
        return text.parse().ok();
    }
    let handle: Handle = text.parse().ok()?;
    Some(Mailbox::new(handle, DeviceId::FIRST))
}

/// The token out of the offered subprotocols, as the header that other clients send.
fn offered_token(headers: &HeaderMap) -> Option<HeaderValue> {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered =
        lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',').map(str::trim));
    let token = offered.find_map(|offer| offer.strip_prefix(TOKEN_SUBPROTOCOL))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_a_number_is_device_one() {
        let name = |text: &str| client_id(text).map(|mailbox| mailbox.to_string());
        assert_eq!(name("alice").as_deref(), Some("alice.1"));
        assert_eq!(name("alice.7").as_deref(), Some("alice.7"));
        for wrong in ["", "Alice", "alice.", "alice.0", "alice.128", "alice.1.1", "alice.x", "*"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_is_found_among_subprotocols() {
        let token = |lists: &[&'static str]| {
            let list = |list: &&'static str| (SEC_WEBSOCKET_PROTOCOL, list.parse().unwrap());
            let found = offered_token(&lists.iter().map(list).collect());
            found.map(|value| value.to_str().unwrap().to_owned())
        };
        let bearer = Some("Bearer abc".to_owned());
        assert_eq!(token(&["sysmaint.v1, sysmaint.token.abc"]), bearer);
        assert_eq!(token(&["sysmaint.v1", "sysmaint.token.abc"]), bearer);
        assert_eq!(token(&["sysmaint.v1"]), None);
        assert_eq!(token(&[]), None);
    }
}

//! The safety number of alice's device with the agent's, for people to compare.

use axum::{Json, extract::State};
use qrcode::{Color, QrCode};
use serde::Serialize;
use sysmaint_protocol::{DeviceId, Handle};
use utoipa::ToSchema;

use super::openapi::{ANY, API, BACKEND, CHAT, SESSION, problems};
use crate::{
    app::App,
    backend::{Key, Safety, SafetyNumber},
    problem::Problem,
};

problems! { SafetyProblems = ANY, API, BACKEND, SESSION; }

/// How one device knows those of somebody.
#[derive(Serialize, ToSchema)]
#[schema(as = Safety)]
pub(crate) struct Compared {
    /// Whose device is here.
    of: Handle,
    /// Whose devices are there.
    with: Handle,
    /// None before the first message.
    devices: Vec<Peer>,
}

/// One of these devices.
#[derive(Serialize, ToSchema)]
#[schema(as = SafetyDevice)]
struct Peer {
    /// Which one.
    device_id: DeviceId,
    key: Key,
    /// Of the key that is pinned.
    number: Number,
    /// Of a key that waits for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Number>,
}

/// What two people compare, to know that nobody stands between two devices.
#[derive(Serialize, ToSchema)]
#[schema(as = SafetyNumber)]
struct Number {
    /// Twelve groups of five digits.
    groups: Vec<String>,
    /// The modules of the QR code, a text a row; `1` is dark. No quiet zone.
    qr: Vec<String>,
}

/// The safety number of alice's device with each of the agent's
#[utoipa::path(
    get,
    path = "/api/chat/safety",
    operation_id = "getSafety",
    tag = CHAT,
    security(("session" = [])),
    responses((status = 200, description = "The numbers.", body = Compared), SafetyProblems),
)]
pub(crate) async fn safety(State(app): State<App>) -> Result<Json<Compared>, Problem> {
    let devices = app.backend().safety().await?;
    let devices = devices.into_iter().map(peer).collect::<Result<_, _>>()?;
    let config = app.config();
    Ok(Json(Compared { of: config.alice.clone(), with: config.agent.clone(), devices }))
}

fn peer(safety: Safety) -> Result<Peer, Problem> {
    let Safety { device_id, key, number: pinned, changed } = safety;
    Ok(Peer { device_id, key, number: number(pinned)?, changed: changed.map(number).transpose()? })
}

fn number(number: SafetyNumber) -> Result<Number, Problem> {
    let code = QrCode::new(&number.scannable).map_err(|error| {
        tracing::error!(%error, "a safety number does not fit a QR code");
        Problem::internal()
    })?;
    let row = |modules: &[Color]| modules.iter().map(|module| module.select('1', '0')).collect();
    let qr = code.to_colors().chunks(code.width()).map(row).collect();
    Ok(Number { groups: number.groups, qr })
}

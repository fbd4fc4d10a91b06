//! Whether this process lives, and whether it can do its work.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    VERSION,
    openapi::{ANY, OPERATION, problems},
};
use crate::app::App;

/// A store that does not answer by then is no store to rely on.
const CHECK_TIME: Duration = Duration::from_secs(2);

problems! { HealthProblems = ANY; }

/// What all three paths answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The server's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    checks: Checks,
}

/// Each is `ok` or says what is wrong.
#[derive(Serialize, ToSchema)]
struct Checks {
    /// The connection to the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    bus: Option<&'static str>,
    /// Whether the store answers.
    #[schema(example = "ok")]
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
}

/// Does the process answer?
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "getLiveness",
    tag = OPERATION,
    responses((status = 200, description = "It does.", body = Health), HealthProblems),
)]
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "ok", version: VERSION, checks: Checks { bus: None, store: None } })
}

/// Can it do its work?
///
/// The store answers and the bus is connected.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = OPERATION,
    responses(
        (status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot now.", body = Health),
        HealthProblems,
    ),
)]
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    checked(&app).await
}

/// The same as `/readyz`
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = OPERATION,
    responses(
        (status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot now.", body = Health),
        HealthProblems,
    ),
)]
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    checked(&app).await
}

async fn checked(app: &App) -> (StatusCode, Json<Health>) {
    let link = tokio::time::timeout(CHECK_TIME, app.backend().link()).await;
    let link = link.ok().and_then(Result::ok);
    let connected = link.is_some_and(|link| link.connected);
    let checks = Checks {
        bus: link.map(|_| if connected { "ok" } else { "disconnected" }),
        store: Some(if link.is_some() { "ok" } else { "no answer" }),
    };
    let (code, status) = if connected {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    (code, Json(Health { status, version: VERSION, checks }))
}

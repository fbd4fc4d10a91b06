//! Whether this process lives, and whether it can do its work.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use super::VERSION;
use crate::app::App;

/// A store that does not answer by then is no store to rely on.
const CHECK_TIME: Duration = Duration::from_secs(2);

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
}

/// `GET /livez`: the process answers.
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "ok", version: VERSION, checks: Checks { bus: None, store: None } })
}

/// `GET /readyz` and `GET /health`: the store answers and the bus is connected.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
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

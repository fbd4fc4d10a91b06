//! How the hosts, the agent and the connection are.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Handle, body::Usage};

use crate::{
    app::App,
    backend::{HostStatus, LinkState, Point, Range},
    input::{self, JsonBody, Nothing, QueryString},
    problem::Problem,
};

#[derive(Serialize)]
pub(crate) struct Current {
    hosts: Vec<HostStatus>,
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    host: String,
    range: Range,
}

#[derive(Serialize)]
pub(crate) struct History {
    host: Handle,
    points: Vec<Point>,
}

#[derive(Serialize)]
pub(crate) struct Reset {
    status: &'static str,
}

/// `GET /api/status/current`.
pub(crate) async fn current(State(app): State<App>) -> Result<Json<Current>, Problem> {
    let hosts = app.backend().hosts().await?;
    let usage = app.backend().usage().await?;
    Ok(Json(Current { hosts, usage }))
}

/// `GET /api/status/history`.
pub(crate) async fn history(
    State(app): State<App>,
    QueryString(query): QueryString<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let host = input::handle("host", &query.host)?;
    let points = app.backend().history(&host, query.range).await?;
    Ok(Json(History { host, points }))
}

/// `GET /api/status/link`.
pub(crate) async fn link(State(app): State<App>) -> Result<Json<LinkState>, Problem> {
    Ok(Json(app.backend().link().await?))
}

/// `POST /api/status/usage/reset`. The agent owns the counters, so this only queues the command;
/// the zeros come back with its answer.
pub(crate) async fn reset_usage(
    State(app): State<App>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<(axum::http::StatusCode, Json<Reset>), Problem> {
    app.backend().reset_usage().await?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(Reset { status: "queued" })))
}

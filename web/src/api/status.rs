//! How the hosts, the agent and the connection are.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Handle, body::Usage};
use utoipa::ToSchema;

use super::openapi::{ANY, API, BACKEND, BODY, SEAL, SESSION, STATUS, problems};
use crate::{
    app::App,
    backend::{HostStatus, LinkState, Point, Range},
    input::{self, JsonBody, Nothing, QueryString},
    problem::{NOT_FOUND, Problem},
};

problems! {
    HistoryProblems = ANY, API, BACKEND, SESSION, &[NOT_FOUND];
    ReadProblems = ANY, API, BACKEND, SESSION;
    ResetProblems = ANY, API, BODY, SEAL, SESSION;
}

/// How hosts and agent are.
#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
pub(crate) struct Current {
    /// Those seen so far, by name.
    hosts: Vec<HostStatus>,
    /// The agent's counters as last heard from it.
    usage: Usage,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// Which host.
    #[param(value_type = Handle)]
    host: String,
    /// The last so long.
    range: Range,
}

/// What a host measured.
#[derive(Serialize, ToSchema)]
pub(crate) struct History {
    /// Which host.
    host: Handle,
    /// Oldest first, thinned to about a thousand.
    points: Vec<Point>,
}

/// What became of a command.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reset {
    /// `queued`.
    #[schema(example = "queued")]
    status: &'static str,
}

/// Every host's newest sample, and the agent's counters
#[utoipa::path(
    get,
    path = "/api/status/current",
    operation_id = "getStatus",
    tag = STATUS,
    security(("session" = [])),
    responses((status = 200, description = "How they are.", body = Current), ReadProblems),
)]
pub(crate) async fn current(State(app): State<App>) -> Result<Json<Current>, Problem> {
    let hosts = app.backend().hosts().await?;
    let usage = app.backend().usage().await?;
    Ok(Json(Current { hosts, usage }))
}

/// A host's history in points
#[utoipa::path(
    get,
    path = "/api/status/history",
    operation_id = "getHistory",
    tag = STATUS,
    params(HistoryQuery),
    security(("session" = [])),
    responses((status = 200, description = "The points.", body = History), HistoryProblems),
)]
pub(crate) async fn history(
    State(app): State<App>,
    QueryString(query): QueryString<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let host = input::handle("host", &query.host)?;
    let points = app.backend().history(&host, query.range).await?;
    Ok(Json(History { host, points }))
}

/// The connection to the bus, and the queues behind it
#[utoipa::path(
    get,
    path = "/api/status/link",
    operation_id = "getLink",
    tag = STATUS,
    security(("session" = [])),
    responses((status = 200, description = "How it is.", body = LinkState), ReadProblems),
)]
pub(crate) async fn link(State(app): State<App>) -> Result<Json<LinkState>, Problem> {
    Ok(Json(app.backend().link().await?))
}

/// Set the agent's counters to zero
///
/// The agent owns the counters, so this only queues the command; the zeros come back with its
/// answer.
#[utoipa::path(
    post,
    path = "/api/status/usage/reset",
    operation_id = "resetUsage",
    tag = STATUS,
    request_body = Nothing,
    security(("session" = [])),
    responses((status = 202, description = "The command is queued.", body = Reset), ResetProblems),
)]
pub(crate) async fn reset_usage(
    State(app): State<App>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<(axum::http::StatusCode, Json<Reset>), Problem> {
    app.backend().reset_usage().await?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(Reset { status: "queued" })))
}

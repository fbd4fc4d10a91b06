//! What became of direct messages, and letting go what the demo's link holds.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::ContentId;
use utoipa::ToSchema;

use super::{
    Accepted,
    openapi::{ANY, API, BACKEND, BODY, DEMO, SESSION, problems},
};
use crate::{
    app::App,
    backend::Trail,
    input::JsonBody,
    problem::{NOT_FOUND, Problem},
};

problems! {
    ReleaseProblems = ANY, API, BACKEND, BODY, SESSION, &[NOT_FOUND];
    TrailsProblems = ANY, API, BACKEND, SESSION;
}

/// What became of direct messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trails {
    /// Oldest first.
    trails: Vec<Trail>,
}

/// What is to be let go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// The message.
    id: ContentId,
}

/// What became of direct messages since the server was started, and what the demo's link holds
#[utoipa::path(
    get,
    path = "/api/demo/trails",
    operation_id = "listTrails",
    tag = DEMO,
    security(("session" = [])),
    responses((status = 200, description = "The trails.", body = Trails), TrailsProblems),
)]
pub(crate) async fn trails(State(app): State<App>) -> Result<Json<Trails>, Problem> {
    Ok(Json(Trails { trails: app.backend().trails().await? }))
}

/// Let go what is held of a message
#[utoipa::path(
    post,
    path = "/api/demo/release",
    operation_id = "releaseMessage",
    tag = DEMO,
    request_body = Release,
    security(("session" = [])),
    responses((status = 202, description = "It goes to the bus.", body = Accepted), ReleaseProblems),
)]
pub(crate) async fn release(
    State(app): State<App>,
    JsonBody(Release { id }): JsonBody<Release>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    app.backend().release(id).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

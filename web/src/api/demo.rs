//! What became of direct messages, and letting go what the demo's link holds.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::ContentId;

use super::direct::Accepted;
use crate::{app::App, backend::Trail, input::JsonBody, problem::Problem};

#[derive(Serialize)]
pub(crate) struct Trails {
    trails: Vec<Trail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    id: ContentId,
}

/// `GET /api/demo/trails`.
pub(crate) async fn trails(State(app): State<App>) -> Result<Json<Trails>, Problem> {
    Ok(Json(Trails { trails: app.backend().trails().await? }))
}

/// `POST /api/demo/release`.
pub(crate) async fn release(
    State(app): State<App>,
    JsonBody(Release { id }): JsonBody<Release>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    app.backend().release(id).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

//! What the agent told without being asked.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::Alert;

use crate::{app::App, input::QueryString, problem::Problem};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsQuery {
    limit: Option<usize>,
}

#[derive(Serialize)]
pub(crate) struct Alerts {
    alerts: Vec<Alert>,
}

/// `GET /api/alerts`: what is firing, then the latest of what is over.
pub(crate) async fn alerts(
    State(app): State<App>,
    QueryString(query): QueryString<AlertsQuery>,
) -> Result<Json<Alerts>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("\"limit\" is 1 to {LIMIT_MAX}")));
    }
    Ok(Json(Alerts { alerts: app.backend().alerts(limit).await? }))
}

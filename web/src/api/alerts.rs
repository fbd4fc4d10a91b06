//! What the agent told without being asked.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Alert, Handle, Timestamp};
use utoipa::ToSchema;

use super::openapi::{ANY, API, BACKEND, SESSION, STATUS, problems};
use crate::{
    app::App,
    backend::Window,
    input::{self, QueryString},
    problem::Problem,
};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

problems! { AlertsProblems = ANY, API, BACKEND, SESSION; }

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsQuery {
    /// At most so many; 100 if it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Of this host only; then both moments as well.
    #[param(value_type = Option<Handle>)]
    host: Option<String>,
    /// What was so after this moment,
    from: Option<Timestamp>,
    /// and before this one.
    to: Option<Timestamp>,
}

/// What the agent told.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alerts {
    /// Alerts, in the order that was asked for.
    alerts: Vec<Alert>,
}

/// What the agent told without being asked
///
/// What is firing, then the latest of what is over; with `host`, `from` and `to` what was so on
/// that host at any time in between, newest first.
#[utoipa::path(
    get,
    path = "/api/alerts",
    operation_id = "listAlerts",
    tag = STATUS,
    params(AlertsQuery),
    security(("session" = [])),
    responses((status = 200, description = "The alerts.", body = Alerts), AlertsProblems),
)]
pub(crate) async fn alerts(
    State(app): State<App>,
    QueryString(query): QueryString<AlertsQuery>,
) -> Result<Json<Alerts>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("\"limit\" is 1 to {LIMIT_MAX}")));
    }
    let alerts = match (&query.host, query.from, query.to) {
        (None, None, None) => app.backend().alerts(limit).await?,
        (Some(host), Some(from), Some(to)) => {
            let host = input::handle("host", host)?;
            let window = Window::between(from, to, app.backend().now());
            let window = window.map_err(|error| Problem::invalid(error.to_string()))?;
            app.backend().alerts_in(&host, window, limit).await?
        }
        _ => return Err(Problem::invalid("give host, from and to together, or none of them")),
    };
    Ok(Json(Alerts { alerts }))
}

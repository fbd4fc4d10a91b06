//! What the agent told without being asked.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Alert, Timestamp};

use crate::{
    app::App,
    backend::Window,
    input::{self, QueryString},
    problem::Problem,
};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsQuery {
    limit: Option<usize>,
    host: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

#[derive(Serialize)]
pub(crate) struct Alerts {
    alerts: Vec<Alert>,
}

/// `GET /api/alerts`: what is firing, then the latest of what is over; with `host`, `from` and
/// `to` what was so on that host at any time in between, newest first.
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

//! Whether the process lives, and whether it can do its work.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App,
    openapi::{HEALTH, problems},
};
use crate::problem::{INTERNAL, RATE_LIMITED};

problems! { HealthProblems = &[INTERNAL, RATE_LIMITED]; }

/// What all three paths answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The relay's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    checks: Checks,
}

/// Each is `ok` or says what is wrong.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Checks {
    /// The connection to the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    nats: Option<&'static str>,
    /// Whether requests are still taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    serving: Option<&'static str>,
    /// Whether the audit can be written.
    #[schema(example = "ok")]
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<&'static str>,
}

const OK: &str = "ok";

/// Does the process answer?
///
/// 200 as long as requests are handled at all, whatever the broker does.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "getLiveness",
    tag = HEALTH,
    responses((status = 200, description = "It does.", body = Health), HealthProblems),
)]
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: OK, version: env!("CARGO_PKG_VERSION"), checks: Checks::default() })
}

/// Is the relay ready?
///
/// The same as `/readyz`.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = HEALTH,
    responses(
        (status = 200, description = "It is.", body = Health),
        (status = 503, description = "It is not; `checks` says why.", body = Health),
        HealthProblems,
    ),
)]
pub(super) async fn health(app: State<App>) -> (StatusCode, Json<Health>) {
    ready(app).await
}

/// Is the relay ready?
///
/// 503 while the broker cannot be reached, the audit cannot be written, or the relay is stopping.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = HEALTH,
    responses(
        (status = 200, description = "It is.", body = Health),
        (status = 503, description = "It is not; `checks` says why.", body = Health),
        HealthProblems,
    ),
)]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let records = app.directory.audit().is_writable();
    judge(app.bus.is_connected(), app.shutdown.is_cancelled(), records)
}

fn judge(connected: bool, stopping: bool, records: bool) -> (StatusCode, Json<Health>) {
    let checks = Checks {
        nats: Some(if connected { OK } else { "not connected" }),
        serving: Some(if stopping { "stopping" } else { OK }),
        audit: Some(if records { OK } else { "cannot be written" }),
    };
    let (code, status) = if connected && !stopping && records {
        (StatusCode::OK, OK)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION"), checks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_connected_and_recording_and_not_stopping() {
        assert_eq!(judge(true, false, true).0, StatusCode::OK);
        for (connected, stopping, records) in
            [(false, false, true), (true, true, true), (false, true, true), (true, false, false)]
        {
            let (code, Json(health)) = judge(connected, stopping, records);
            assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(health.status, "unavailable");
        }
    }
}

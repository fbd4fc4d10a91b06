//! Whether the process lives, and whether it can do its work.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use super::App;

/// What all three paths answer.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
    checks: Checks,
}

/// Each is `ok` or says what is wrong.
#[derive(Debug, Default, Serialize)]
struct Checks {
    #[serde(skip_serializing_if = "Option::is_none")]
    nats: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serving: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<&'static str>,
}

const OK: &str = "ok";

/// Answers as long as requests are handled at all.
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: OK, version: env!("CARGO_PKG_VERSION"), checks: Checks::default() })
}

/// 503 while the broker cannot be reached, the audit cannot be written, or the bridge is stopping.
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

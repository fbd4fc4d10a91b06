//! The process's numbers, for Prometheus.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use sysmaint_service::metrics;

use super::{
    App,
    auth::Operator,
    openapi::{ANY, OPERATION, problems},
};
use crate::problem::OPERATORS_ONLY;

problems! { MetricsProblems = ANY, &[OPERATORS_ONLY]; }

/// The process's numbers
///
/// Prometheus text. For requests from the relay's own machine by a loopback address, and for
/// whoever presents the operator token.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = OPERATION,
    security((), ("operator" = [])),
    responses(
        (status = 200, description = "All numbers.", body = String, content_type = "text/plain"),
        MetricsProblems,
    ),
)]
pub(super) async fn metrics(_: Operator, State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics.text()).into_response()
}

//! A host's history in lines: for charts, and as a table to take away.

use std::convert::Infallible;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::{History, Metric, Summary};
use utoipa::ToSchema;

use super::{
    csv,
    openapi::{ANY, API, BACKEND, SESSION, STATUS, problems},
};
use crate::{
    app::App,
    backend::{Range, Window},
    input::{self, QueryString},
    problem::{NOT_FOUND, Problem},
};

problems! { SeriesProblems = ANY, API, BACKEND, SESSION, &[NOT_FOUND]; }

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesQuery {
    /// Which host.
    #[param(value_type = Handle)]
    host: String,
    /// The last so long; either this or both moments.
    range: Option<Range>,
    /// From this moment,
    from: Option<Timestamp>,
    /// to this one.
    to: Option<Timestamp>,
    /// Names of metrics, separated by commas; all if it is not given.
    #[param(example = "cpu_percent,load_1")]
    metric: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Which host.
    #[param(value_type = Handle)]
    host: String,
    /// The last so long; either this or both moments.
    range: Option<Range>,
    /// From this moment,
    from: Option<Timestamp>,
    /// to this one.
    to: Option<Timestamp>,
    /// Names of metrics, separated by commas; all if it is not given.
    #[param(example = "cpu_percent,load_1")]
    metric: Option<String>,
    /// What the table is written as.
    #[param(inline)]
    format: Format,
}

/// A kind of table.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub(crate) enum Format {
    /// Comma-separated values (RFC 4180).
    #[serde(rename = "csv")]
    Csv,
}

/// What is asked for, understood.
struct Asked {
    host: Handle,
    window: Window,
    metrics: Vec<Metric>,
}

/// What a host measured in a window, in columns.
#[derive(Serialize, ToSchema)]
#[schema(as = Window)]
pub(crate) struct SeriesAnswer {
    /// Which host.
    host: Handle,
    /// Where the window begins.
    from: Timestamp,
    /// Where it ends.
    to: Timestamp,
    /// How far apart the times are at least.
    step_s: f64,
    /// Milliseconds since 1970, as charts take them.
    times: Vec<u64>,
    /// One for each metric and label.
    series: Vec<Line>,
    /// Where samples are missing.
    gaps: Vec<Gap>,
}

/// One measured course, parallel to the times of its window; null where nothing was measured.
#[derive(Serialize, ToSchema)]
#[schema(as = Series)]
struct Line {
    /// What was measured.
    #[schema(example = "cpu_percent")]
    metric: &'static str,
    /// Which core, file system, interface or sensor; empty where there is one only.
    label: String,
    /// What it is measured in.
    #[schema(example = "percent")]
    unit: &'static str,
    /// Values, or means of several.
    mean: Vec<Option<f64>>,
    /// The least of several; absent where each value is one that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Option<f64>>>,
    /// The largest of several, as there.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Option<f64>>>,
}

/// A stretch of time without samples.
#[derive(Serialize, ToSchema)]
struct Gap {
    /// Where it begins.
    from: Timestamp,
    /// Where it ends.
    to: Timestamp,
    /// How many samples would have come.
    missing: u64,
}

/// A host's history in columns, for charts
#[utoipa::path(
    get,
    path = "/api/status/series",
    operation_id = "getSeries",
    tag = STATUS,
    params(SeriesQuery),
    security(("session" = [])),
    responses((status = 200, description = "The columns, with gaps.", body = SeriesAnswer), SeriesProblems),
)]
pub(crate) async fn series(
    State(app): State<App>,
    QueryString(query): QueryString<SeriesQuery>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let Asked { host, window, metrics } = query.understood(app.backend().now())?;
    let history = app.backend().series(&host, window, metrics).await?;
    Ok(Json(answer(host, window, history)))
}

/// A host's history as a table
#[utoipa::path(
    get,
    path = "/api/status/export",
    operation_id = "exportSeries",
    tag = STATUS,
    params(ExportQuery),
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "A row for each value.",
            body = String,
            content_type = "text/csv; charset=utf-8; header=present",
            headers(("Content-Disposition" = String, description = "A name to save it under.")),
        ),
        SeriesProblems,
    ),
)]
pub(crate) async fn export(
    State(app): State<App>,
    QueryString(query): QueryString<ExportQuery>,
) -> Result<Response, Problem> {
    let ExportQuery { host, range, from, to, metric, format: Format::Csv } = query;
    let query = SeriesQuery { host, range, from, to, metric };
    let Asked { host, window, metrics } = query.understood(app.backend().now())?;
    let history = app.backend().series(&host, window, metrics).await?;
    let disposition = format!("attachment; filename=\"sysmaint-{host}.csv\"");
    let headers = [(CONTENT_TYPE, csv::CONTENT_TYPE), (CONTENT_DISPOSITION, &disposition)];
    let parts = csv::parts(&host, history).map(Ok::<_, Infallible>);
    Ok((headers, Body::from_stream(stream::iter(parts))).into_response())
}

impl SeriesQuery {
    fn understood(self, now: Timestamp) -> Result<Asked, Problem> {
        let host = input::handle("host", &self.host)?;
        let window = match (self.range, self.from, self.to) {
            (Some(range), None, None) => Window::up_to(now, range),
            (None, Some(from), Some(to)) => {
                let window = Window::between(from, to, now);
                window.map_err(|error| Problem::invalid(error.to_string()))?
            }
            _ => {
                let detail = "give either range (1h, 12h, 24h, 7d or 30d) or both from and to";
                return Err(Problem::invalid(detail));
            }
        };
        Ok(Asked { host, window, metrics: metrics(self.metric.as_deref())? })
    }
}

/// Names separated by commas; none for all.
fn metrics(names: Option<&str>) -> Result<Vec<Metric>, Problem> {
    let Some(names) = names else { return Ok(Vec::new()) };
    let metric =
        |name: &str| name.parse().map_err(|error| Problem::invalid(format!("metric: {error}")));
    let mut metrics = names.split(',').map(metric).collect::<Result<Vec<_>, _>>()?;
    metrics.sort_unstable();
    metrics.dedup();
    Ok(metrics)
}

fn answer(host: Handle, Window { from, to }: Window, history: History) -> SeriesAnswer {
    let rolled_up = history.rolled_up;
    let line = |series: sysmaint_store::Series| {
        let column = |value: fn(&Summary) -> f64| {
            series.values.iter().map(|summary| summary.as_ref().map(value)).collect()
        };
        Line {
            metric: series.metric.name(),
            unit: series.metric.unit(),
            mean: column(Summary::mean),
            min: rolled_up.then(|| column(|summary| summary.low)),
            max: rolled_up.then(|| column(|summary| summary.high)),
            label: series.label,
        }
    };
    let gap = |gap: sysmaint_store::Gap| Gap { from: gap.from, to: gap.to, missing: gap.missing };
    SeriesAnswer {
        host,
        from,
        to,
        step_s: history.step.as_secs_f64(),
        times: history.times.into_iter().map(Timestamp::as_millis).collect(),
        series: history.series.into_iter().map(line).collect(),
        gaps: history.gaps.into_iter().map(gap).collect(),
    }
}

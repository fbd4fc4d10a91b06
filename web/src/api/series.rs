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

use super::csv;
use crate::{
    app::App,
    backend::{Range, Window},
    input::{self, QueryString},
    problem::Problem,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesQuery {
    host: String,
    range: Option<Range>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    metric: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    host: String,
    range: Option<Range>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    metric: Option<String>,
    format: Format,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Format {
    #[serde(rename = "csv")]
    Csv,
}

/// What is asked for, understood.
struct Asked {
    host: Handle,
    window: Window,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
pub(crate) struct SeriesAnswer {
    host: Handle,
    from: Timestamp,
    to: Timestamp,
    step_s: f64,
    /// Milliseconds since 1970, as charts take them.
    times: Vec<u64>,
    series: Vec<Line>,
    gaps: Vec<Gap>,
}

#[derive(Serialize)]
struct Line {
    metric: &'static str,
    label: String,
    unit: &'static str,
    mean: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Option<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Option<f64>>>,
}

#[derive(Serialize)]
struct Gap {
    from: Timestamp,
    to: Timestamp,
    missing: u64,
}

/// `GET /api/status/series`.
pub(crate) async fn series(
    State(app): State<App>,
    QueryString(query): QueryString<SeriesQuery>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let Asked { host, window, metrics } = query.understood(app.backend().now())?;
    let history = app.backend().series(&host, window, metrics).await?;
    Ok(Json(answer(host, window, history)))
}

/// `GET /api/status/export`.
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

//! Every host's newest sample as Prometheus text, format 0.0.4.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use sysmaint_service::metrics;
use sysmaint_store::{Metric, readings};

use super::openapi::{ANY, API, BACKEND, SESSION, STATUS, problems};
use crate::{
    app::App,
    backend::HostStatus,
    problem::{Problem, RATE_LIMITED},
};

problems! { NewestProblems = ANY, API, BACKEND, SESSION, &[RATE_LIMITED]; }

/// Every host's newest sample, for Prometheus
#[utoipa::path(
    get,
    path = "/api/status/prometheus",
    operation_id = "getNewest",
    tag = STATUS,
    security(("session" = []), ("operator" = [])),
    responses((status = 200, description = "Prometheus text, format 0.0.4.", body = String), NewestProblems),
)]
pub(crate) async fn newest(State(app): State<App>) -> Result<Response, Problem> {
    let hosts = app.backend().hosts().await?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text(&hosts)).into_response())
}

/// Of a host that is silent nothing is told but that it is down: its numbers are of the past.
fn text(hosts: &[HostStatus]) -> String {
    let (mut up, mut seen) = (String::new(), String::new());
    let mut values: BTreeMap<Metric, String> = BTreeMap::new();
    for HostStatus { host, last_seen, stale, sample, .. } in hosts {
        // Writing to a String does not fail.
        let _ = writeln!(up, "sysmaint_host_up{{host=\"{host}\"}} {}", u8::from(!stale));
        let (seconds, millis) = (last_seen.as_millis() / 1000, last_seen.as_millis() % 1000);
        let name = "sysmaint_host_last_seen_timestamp_seconds";
        let _ = writeln!(seen, "{name}{{host=\"{host}\"}} {seconds}.{millis:03}");
        if *stale {
            continue;
        }
        for reading in readings(sample) {
            let lines = values.entry(reading.metric).or_default();
            let _ = write!(lines, "sysmaint_host_{}{{host=\"{host}\"", reading.metric);
            if let Some(part) = reading.metric.part() {
                let _ = write!(lines, ",{part}=\"{}\"", Escaped(&reading.label));
            }
            let _ = writeln!(lines, "}} {}", reading.value);
        }
    }
    let mut text = String::new();
    family(&mut text, "up", "Whether the host reports: 1, or 0 if it has been silent.", &up);
    let help = "When something was last heard of the host, in seconds since 1970.";
    family(&mut text, "last_seen_timestamp_seconds", help, &seen);
    for (metric, lines) in &values {
        let help = format!("{metric} of the newest sample, in {}.", metric.unit());
        family(&mut text, metric.name(), &help, lines);
    }
    text
}

fn family(text: &mut String, name: &str, help: &str, lines: &str) {
    let _ = writeln!(text, "# HELP sysmaint_host_{name} {help}");
    let _ = writeln!(text, "# TYPE sysmaint_host_{name} gauge");
    text.push_str(lines);
}

/// A label's value between its quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => formatter.write_str("\\\\")?,
                '"' => formatter.write_str("\\\"")?,
                '\n' => formatter.write_str("\\n")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

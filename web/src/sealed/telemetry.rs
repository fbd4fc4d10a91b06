//! Hosts and their history, from the store.

use std::{sync::Arc, time::Duration};

use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::{History, HostRow, Metric, Summary, View};

use super::SealedBackend;
use crate::backend::{BackendError, Event, HostStatus, Measure, Point, Range, Window};

/// What a point of the short history holds.
const METRICS: [Metric; 8] = [
    Metric::CpuPercent,
    Metric::Load1,
    Metric::MemoryUsedBytes,
    Metric::SwapUsedBytes,
    Metric::DiskUsedPercentMax,
    Metric::ReceivedBytesPerS,
    Metric::SentBytesPerS,
    Metric::CelsiusMax,
];

pub(super) async fn hosts(backend: &SealedBackend) -> Result<Vec<HostStatus>, BackendError> {
    let rows = backend.store().read(|view| view.telemetry().hosts()).await?;
    let now = backend.inner.alice.clock().now();
    Ok(rows.into_iter().map(|row| status(row, now, backend.inner.stale_after)).collect())
}

pub(super) async fn history(
    backend: &SealedBackend,
    host: Handle,
    range: Range,
) -> Result<Vec<Point>, BackendError> {
    let Window { from, to } = Window::up_to(backend.inner.alice.clock().now(), range);
    let look = move |view: &View<'_>| view.telemetry().history(&host, from, to, &METRICS);
    let history = backend.store().read(look).await?;
    Ok(history.map(|history| points(&history)).unwrap_or_default())
}

pub(super) async fn series(
    backend: &SealedBackend,
    host: Handle,
    Window { from, to }: Window,
    metrics: Vec<Metric>,
) -> Result<History, BackendError> {
    let name = host.clone();
    let look = move |view: &View<'_>| view.telemetry().history(&host, from, to, &metrics);
    let history = backend.store().read(look).await?;
    history.ok_or_else(|| BackendError::NotFound(format!("no sample of {name} has ever arrived")))
}

/// Tells the pages that a host has sent something.
pub(super) async fn tell(backend: &SealedBackend, host: &Handle) {
    if let Ok(hosts) = hosts(backend).await
        && let Some(status) = hosts.into_iter().find(|status| status.host == *host)
    {
        backend.tell(Event::Host(Arc::new(status)));
    }
}

fn status(row: HostRow, now: Timestamp, stale_after: Duration) -> HostStatus {
    HostStatus {
        host: row.host,
        last_seen: row.last_seen,
        stale: now.since(row.last_seen) > stale_after,
        missing: row.missing,
        lost: row.lost,
        late: row.late,
        duplicate: row.duplicate,
        sample: row.sample,
    }
}

/// A point for each moment at which anything was measured.
fn points(history: &History) -> Vec<Point> {
    let mut points: Vec<_> = history.times.iter().map(|time| Point::empty(*time)).collect();
    for series in &history.series {
        for (point, value) in points.iter_mut().zip(&series.values) {
            if let Some(summary) = value {
                put(point, series.metric, summary);
            }
        }
    }
    points.retain(|point| *point != Point::empty(point.time));
    points
}

fn put(point: &mut Point, metric: Metric, summary: &Summary) {
    match metric {
        Metric::CpuPercent => point.cpu_percent = Some(measure(summary)),
        Metric::Load1 => point.load_1 = Some(measure(summary)),
        Metric::MemoryUsedBytes => point.memory_used_bytes = Some(bytes(summary)),
        Metric::SwapUsedBytes => point.swap_used_bytes = Some(bytes(summary)),
        Metric::DiskUsedPercentMax => point.disk_used_percent_max = Some(measure(summary)),
        Metric::ReceivedBytesPerS => point.received_bytes_per_s = Some(measure(summary)),
        Metric::SentBytesPerS => point.sent_bytes_per_s = Some(measure(summary)),
        Metric::CelsiusMax => point.celsius_max = Some(measure(summary)),
        _ => {}
    }
}

fn measure(summary: &Summary) -> Measure<f64> {
    let Summary { low, high, .. } = *summary;
    Measure { value: summary.mean(), spread: (low < high).then_some((low, high)) }
}

fn bytes(summary: &Summary) -> Measure<u64> {
    let Measure { value, spread } = measure(summary);
    Measure { value: whole(value), spread: spread.map(|(least, most)| (whole(least), whole(most))) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of bytes, rounded; a float to integer cast saturates"
)]
fn whole(bytes: f64) -> u64 {
    bytes.round() as u64
}

//! Hosts and their history, from the store.

use std::{sync::Arc, time::Duration};

use sysmaint_endpoint::StepError;
use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::{HostRow, METRICS, PointRow};

use super::SealedBackend;
use crate::backend::{BackendError, Event, HostStatus, Measure, Point, Range};

/// A chart has about this many points.
const POINTS: u32 = 1000;
/// Stretches shorter than this hold one sample at the usual interval.
const FINEST: Duration = Duration::from_secs(10);
const PRUNE_EVERY: Duration = Duration::from_hours(1);

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
    let to = backend.inner.alice.clock().now();
    let from = to.before(range.span());
    let step = (range.span() / POINTS).max(FINEST);
    let rows =
        backend.store().read(move |view| view.telemetry().points(&host, from, to, step)).await?;
    Ok(rows.iter().map(point).collect())
}

/// Tells the pages that a host has sent something.
pub(super) async fn tell(backend: &SealedBackend, host: &Handle) {
    if let Ok(hosts) = hosts(backend).await
        && let Some(status) = hosts.into_iter().find(|status| status.host == *host)
    {
        backend.tell(Event::Host(Arc::new(status)));
    }
}

/// Forgets samples that are too old. Runs until it is dropped.
pub(super) async fn prune(backend: &SealedBackend) {
    loop {
        let outcome = backend
            .inner
            .alice
            .step(|step| -> Result<usize, StepError> {
                let now = step.now();
                Ok(step.telemetry().prune(now)?)
            })
            .await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "old samples could not be removed");
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

fn status(row: HostRow, now: Timestamp, stale_after: Duration) -> HostStatus {
    HostStatus {
        host: row.host,
        last_seen: row.last_seen,
        stale: now.since(row.last_seen) > stale_after,
        sample: row.sample,
    }
}

fn point(row: &PointRow) -> Point {
    let mut point = Point::empty(row.time);
    for (name, value) in METRICS.iter().zip(row.values) {
        let Some(value) = value else { continue };
        match *name {
            "cpu_percent" => point.cpu_percent = Some(measure(value)),
            "load_1" => point.load_1 = Some(measure(value)),
            "memory_used_bytes" => point.memory_used_bytes = Some(bytes(value)),
            "swap_used_bytes" => point.swap_used_bytes = Some(bytes(value)),
            "disk_used_percent_max" => point.disk_used_percent_max = Some(measure(value)),
            "received_bytes_per_s" => point.received_bytes_per_s = Some(measure(value)),
            "sent_bytes_per_s" => point.sent_bytes_per_s = Some(measure(value)),
            "celsius_max" => point.celsius_max = Some(measure(value)),
            _ => {}
        }
    }
    point
}

fn measure([value, least, most]: [f64; 3]) -> Measure<f64> {
    Measure { value, spread: (least < most).then_some((least, most)) }
}

fn bytes(values: [f64; 3]) -> Measure<u64> {
    let Measure { value, spread } = measure(values);
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

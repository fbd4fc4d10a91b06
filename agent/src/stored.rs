//! Telemetry in the agent's own file.

use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use sysmaint_store::{History, HostRow, SqlError, Store};

use crate::{
    metric::Metric,
    telemetry::{HostState, Stretch, Telemetry, TelemetryError},
};

/// What the agent has received.
#[derive(Clone, Debug)]
pub struct StoredTelemetry(pub Store);

impl Telemetry for StoredTelemetry {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        let hosts = self.0.read_now(|view| view.telemetry().hosts());
        let hosts: Vec<HostRow> = hosts.map_err(TelemetryError::new)?;
        Ok(hosts.into_iter().map(state).collect())
    }

    fn samples(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        max_points: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let samples: Result<_, SqlError> =
            self.0.read_now(|view| view.telemetry().samples(host, from, to, max_points));
        samples.map_err(TelemetryError::new)
    }

    fn stretches(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Stretch>, TelemetryError> {
        let metrics = Metric::ALL.map(kept_as);
        let history: Result<Option<History>, SqlError> =
            self.0.read_now(|view| view.telemetry().history(host, from, to, &metrics));
        let history = history.map_err(TelemetryError::new)?;
        Ok(history.map(|history| summed_up(&history)).unwrap_or_default())
    }
}

/// The stretches in which anything was measured.
fn summed_up(history: &History) -> Vec<Stretch> {
    let empty = |time: &Timestamp| Stretch { time: *time, samples: 0, values: Default::default() };
    let mut stretches: Vec<_> = history.times.iter().map(empty).collect();
    for series in &history.series {
        let place = Metric::ALL.iter().position(|metric| kept_as(*metric) == series.metric);
        let Some(place) = place else { continue };
        for (stretch, value) in stretches.iter_mut().zip(&series.values) {
            stretch.values[place] = *value;
            stretch.samples = stretch.samples.max(value.map_or(0, |summary| summary.count));
        }
    }
    stretches.retain(|stretch| stretch.samples > 0);
    stretches
}

/// The same metric in the store.
const fn kept_as(metric: Metric) -> sysmaint_store::Metric {
    use sysmaint_store::Metric as Kept;
    match metric {
        Metric::CpuPercent => Kept::CpuPercent,
        Metric::Load1 => Kept::Load1,
        Metric::MemoryUsedPercent => Kept::MemoryUsedPercent,
        Metric::SwapUsedPercent => Kept::SwapUsedPercent,
        Metric::DiskUsedPercentMax => Kept::DiskUsedPercentMax,
        Metric::CelsiusMax => Kept::CelsiusMax,
        Metric::ReceivedBytesPerS => Kept::ReceivedBytesPerS,
        Metric::SentBytesPerS => Kept::SentBytesPerS,
    }
}

fn state(row: HostRow) -> HostState {
    let HostRow { host, last_seen, missing, lost, sample, .. } = row;
    HostState { host, last_seen, sample, missing, lost }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sysmaint_store::{Series, Summary};

    use super::*;

    #[test]
    fn stretches_hold_what_was_measured_and_count_its_samples() {
        let minute = |index: u64| Timestamp::from_millis(index * 60_000);
        let summary = |count| Some(Summary { low: 1.0, high: 9.0, sum: 20.0, count });
        let series = |metric, values| Series { metric, label: String::new(), values };
        let history = History {
            step: Duration::from_mins(1),
            rolled_up: true,
            times: (0..3).map(minute).collect(),
            series: vec![
                series(kept_as(Metric::CpuPercent), vec![summary(4), None, summary(6)]),
                series(kept_as(Metric::MemoryUsedPercent), vec![None, None, summary(5)]),
            ],
            gaps: Vec::new(),
        };
        let stretches = summed_up(&history);
        let counts: Vec<_> = stretches.iter().map(|one| (one.time, one.samples)).collect();
        assert_eq!(counts, [(minute(0), 4), (minute(2), 6)]);
        let value = |metric| Metric::ALL.iter().position(|known| *known == metric).unwrap();
        assert_eq!(stretches[0].values[value(Metric::MemoryUsedPercent)], None);
        assert_eq!(stretches[1].values[value(Metric::MemoryUsedPercent)], summary(5));
        assert_eq!(stretches[1].values[value(Metric::CpuPercent)], summary(6));
    }
}

//! Telemetry of two hosts.

use sysmaint_agent::telemetry::{HostState, Telemetry, TelemetryError};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use crate::NOW;

/// `web1` and `web2`, five seconds ago.
pub(crate) struct TwoHosts;

impl TwoHosts {
    fn sample(cpu_percent: f32) -> Sample {
        let taken_at = Timestamp::from_millis(NOW - 5_000);
        Sample { cpu_percent: Some(cpu_percent), load_1: Some(0.25), ..Sample::empty(taken_at) }
    }
}

impl Telemetry for TwoHosts {
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError> {
        let state = |host: &str, cpu_percent| HostState {
            host: host.parse().unwrap(),
            last_seen: Timestamp::from_millis(NOW - 5_000),
            sample: Self::sample(cpu_percent),
            missing: 0,
            lost: 0,
        };
        Ok(vec![state("web1", 12.5), state("web2", 75.0)])
    }

    fn samples(
        &self,
        _: &Handle,
        _: Timestamp,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        Ok(vec![Self::sample(12.5)])
    }
}

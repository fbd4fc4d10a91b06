//! Telemetry in the agent's own file.

use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use sysmaint_store::{HostRow, SqlError, Store};

use crate::telemetry::{HostState, Telemetry, TelemetryError};

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
}

fn state(row: HostRow) -> HostState {
    let HostRow { host, last_seen, missing, sample } = row;
    HostState { host, last_seen, sample, missing }
}

//! What can be set.

use std::time::Duration;

use sysmaint_protocol::{Handle, identities};
use sysmaint_service::config::Reader;

/// A probe's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DIAG_PROBE_ID`: the host's identity.
    pub identity: Handle,
    /// `SYSMAINT_PROBE_INTERVAL_MS`: from one sample to the next.
    pub interval: Duration,
    /// Who gets the samples: the agent (`SYSMAINT_ID`) and the operators (`SYSMAINT_OPERATORS`,
    /// default `ALICE_ID`).
    pub readers: Vec<Handle>,
}

const INTERVAL: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_hours(24);

impl Config {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        let identity = reader.value("DIAG_PROBE_ID", identities::probe());
        let bounds = SHORTEST..=LONGEST;
        let interval = reader.duration_ms("SYSMAINT_PROBE_INTERVAL_MS", INTERVAL, bounds);
        let mut readers = vec![reader.value("SYSMAINT_ID", identities::agent())];
        let alice = reader.value("ALICE_ID", identities::alice());
        for operator in reader.list("SYSMAINT_OPERATORS", vec![alice]) {
            if !readers.contains(&operator) {
                readers.push(operator);
            }
        }
        if readers.contains(&identity) {
            reader.reject("DIAG_PROBE_ID", "a probe cannot be its own reader");
        }
        Self { identity, interval, readers }
    }
}

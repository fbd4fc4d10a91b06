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
    /// How much is kept for readers that do not come.
    pub spool: Spool,
    /// Who gets the samples: the agent (`SYSMAINT_ID`) and the operators (`SYSMAINT_OPERATORS`,
    /// default `ALICE_ID`).
    pub readers: Vec<Handle>,
}

/// How much is kept. What is more is dropped, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spool {
    /// `SYSMAINT_SPOOL_MAX_MB`: of samples as JSON.
    pub bytes: u64,
    /// `SYSMAINT_SPOOL_MAX_DAYS`.
    pub age: Duration,
}

impl Default for Spool {
    fn default() -> Self {
        Self { bytes: 256 * MIB, age: DAY * 7 }
    }
}

const INTERVAL: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_hours(24);
const MIB: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_hours(24);

impl Config {
    /// Reads them.
    pub fn read(reader: &mut Reader) -> Self {
        let identity = reader.value("DIAG_PROBE_ID", identities::probe());
        let bounds = SHORTEST..=LONGEST;
        let interval = reader.duration_ms("SYSMAINT_PROBE_INTERVAL_MS", INTERVAL, bounds);
        let spool = Spool::read(reader);
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
        Self { identity, interval, spool, readers }
    }
}

impl Spool {
    fn read(reader: &mut Reader) -> Self {
        let megabytes: u32 = reader.value("SYSMAINT_SPOOL_MAX_MB", 256);
        if !(1..=65_536).contains(&megabytes) {
            reader.reject("SYSMAINT_SPOOL_MAX_MB", "must be 1 to 65536 MiB");
        }
        let days: u32 = reader.value("SYSMAINT_SPOOL_MAX_DAYS", 7);
        if !(1..=365).contains(&days) {
            reader.reject("SYSMAINT_SPOOL_MAX_DAYS", "must be 1 to 365 days");
        }
        Self { bytes: u64::from(megabytes) * MIB, age: DAY.saturating_mul(days) }
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_service::config::Layers;

    use super::*;

    fn read(name: &str, value: &str) -> (Config, Result<(), String>) {
        let variables = [(name.to_owned(), value.to_owned())];
        let mut reader = Reader::new(Layers::new().variables(variables));
        let config = Config::read(&mut reader);
        (config, reader.finish().map_err(|error| error.to_string()))
    }

    #[test]
    fn the_spool_is_bounded_by_what_is_set() {
        let (config, read_well) = read("SYSMAINT_SPOOL_MAX_MB", "5");
        assert_eq!(read_well, Ok(()));
        assert_eq!(config.spool, Spool { bytes: 5 * MIB, ..Spool::default() });
        let (config, _) = read("SYSMAINT_SPOOL_MAX_DAYS", "30");
        assert_eq!(config.spool.age, DAY * 30);
    }

    #[test]
    fn a_spool_without_bounds_is_refused_by_name_and_value() {
        for (name, value) in [("SYSMAINT_SPOOL_MAX_MB", "0"), ("SYSMAINT_SPOOL_MAX_DAYS", "9999")] {
            let error = read(name, value).1.unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}

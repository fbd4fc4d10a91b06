//! What the agent knows of hosts, wherever it is kept.

#[cfg(test)]
pub(crate) mod made;

use std::error::Error;

use sysmaint_protocol::{Handle, Timestamp, sample::Sample};
use sysmaint_store::Summary;

use crate::metric::Metric;

/// Read access to what hosts reported. Calls block; async callers use a blocking thread.
pub trait Telemetry: Send + Sync {
    /// Every host that has reported, with its newest sample.
    fn hosts(&self) -> Result<Vec<HostState>, TelemetryError>;

    /// Samples of a host taken in `from..=to`, oldest first. Where there are more than
    /// `max_points` they are thinned evenly; the newest is always among them.
    fn samples(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        max_points: usize,
    ) -> Result<Vec<Sample>, TelemetryError>;

    /// How a host's numbers developed in `from..=to`, oldest first. Nothing is left out: where
    /// samples are too many, or not kept whole any more, stretches sum them up.
    fn stretches(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Stretch>, TelemetryError> {
        Ok(self.samples(host, from, to, usize::MAX)?.iter().map(Stretch::of).collect())
    }
}

/// A stretch of a host's history: one sample, or the sum of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// When its sample was taken, or when it begins.
    pub time: Timestamp,
    /// How many samples it sums up.
    pub samples: u32,
    /// What is known of each of [`Metric::ALL`].
    pub values: [Option<Summary>; Metric::ALL.len()],
}

impl Stretch {
    /// A single sample.
    pub fn of(sample: &Sample) -> Self {
        let values = Metric::ALL.map(|metric| metric.value(sample).map(Summary::one));
        Self { time: sample.taken_at, samples: 1, values }
    }
}

/// A host and its newest sample.
#[derive(Clone, Debug, PartialEq)]
pub struct HostState {
    /// The authenticated sender of the samples.
    pub host: Handle,
    /// When something was last heard of it, by the agent's clock.
    pub last_seen: Timestamp,
    /// The newest sample. Its time is the host's clock.
    pub sample: Sample,
    /// Samples that the host numbered and that have not arrived.
    pub missing: u64,
    /// Samples that the host could not keep until they were sent.
    pub lost: u64,
}

/// The telemetry could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored telemetry could not be read")]
pub struct TelemetryError(#[source] Box<dyn Error + Send + Sync>);

impl TelemetryError {
    /// From whatever the store reports.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

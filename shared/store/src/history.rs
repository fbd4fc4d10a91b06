//! What hosts have reported, over time.
//!
//! A sample is recorded whole and [waits](Telemetry::roll_up) to be rolled up. Rolling up adds it
//! to one bucket of each level, once: a bucket is one row that holds every series of the host, so
//! that a roll-up writes one row a level, and a chart reads neighbouring rows. Nothing depends on
//! the order in which samples come, so a late one simply joins its buckets.

mod gaps;
mod metric;
mod packed;
mod query;
mod raw;
mod removal;
mod retention;
mod rolled;
mod rolling;
mod series;
mod summary;
mod track;

#[cfg(test)]
mod tests;

pub use gaps::Gap;
pub use metric::{Metric, Reading, UnknownMetric, readings};
pub use query::{History, POINTS_MAX, Series};
pub use retention::{InvalidRetention, Level, Retention};
pub use summary::Summary;

#[cfg(doc)]
use crate::Telemetry;

//! SysMaint: answers sealed questions about the hosts it hears from.

pub mod analyst;
pub mod anomaly;
pub mod answerer;
pub mod host_text;
pub mod metric;
pub mod model;
pub mod range;
pub mod telemetry;
pub mod tools;

mod config;
mod service;
mod stored;

pub use config::Config;
pub use service::{RunError, run};
pub use stored::StoredTelemetry;

//! SysMaint: answers sealed questions about the hosts it hears from.

pub mod alert;
pub mod analyst;
pub mod anomaly;
pub mod answerer;
pub mod citation;
pub mod host_text;
pub mod live;
pub mod metric;
pub mod model;
pub mod outgoing;
pub mod query;
pub mod range;
pub mod telemetry;
pub mod tools;

mod config;
mod follow_up;
mod service;
mod stored;
mod wording;

pub use config::Config;
pub use service::{RunError, run};
pub use stored::StoredTelemetry;

//! Watches a host: samples, keeps them, seals them to their readers.
//!
//! Each sample is in `probe.db` before it is sealed to anybody. A reader gets what it has not been
//! sent, in order, as far as its window allows; the rest waits in the file and goes out in batches.

pub mod sampler;

mod config;
mod report;
mod service;

pub use config::Config;
pub use service::run;

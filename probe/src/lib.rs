//! Watches a host: samples, keeps them, seals them to their readers.
//!
//! Each sample is in `probe.db` before it is sealed to anybody. A reader gets what it has not been
//! sent as far as its window allows; the rest waits in the file and goes out in batches, each with
//! the newest first of all and then the oldest that wait. What the file has no room for is dropped,
//! and the reader is told which samples those were.

pub mod sampler;

mod config;
mod report;
mod service;

pub use config::{Config, Spool};
pub use service::{run, run_with};

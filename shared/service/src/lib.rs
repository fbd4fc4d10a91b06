//! How a process lives: configuration, logs, metrics, shutdown, supervision, its data directory,
//! and how it serves HTTP.
//!
//! This crate knows no protocol: nothing in it names a message, a key or a subject. Every service
//! and every command of the binary starts and ends through it.

pub mod backoff;
pub mod config;
pub mod data_dir;
pub mod exit;
pub mod http_server;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod open_files;
pub mod passphrase;
pub mod shutdown;
pub mod supervisor;

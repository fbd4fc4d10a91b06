//! A listener under clients of every kind.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod certificates;
mod collector;
mod drain;
mod limits;
mod metrics;
mod requests;
mod sockets;
mod stage;
mod tls;

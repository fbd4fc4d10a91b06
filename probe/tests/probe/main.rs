//! Probes at work over real files and a real nats-server, by a clock that the test moves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod host;
mod outage;
mod reader;
mod weekend;

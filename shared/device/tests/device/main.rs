//! Devices that talk to each other through nothing but their envelopes.

#![expect(clippy::unwrap_used, reason = "tests")]

mod decisions;
mod exchange;
mod hostile;
mod participant;
mod receipts;
mod repair;
mod trust;

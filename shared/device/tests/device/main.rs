//! Devices that talk to each other through nothing but their envelopes.

#![expect(clippy::unwrap_used, reason = "tests")]

#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sysmaint_wasm_host;

#[cfg(not(target_arch = "wasm32"))]
mod campaign;
#[cfg(not(target_arch = "wasm32"))]
mod cpu_time;
mod decisions;
mod devices;
mod exchange;
mod fingerprints;
#[cfg(not(target_arch = "wasm32"))]
mod forger;
mod hostile;
mod key_life;
mod listed;
mod mallory;
mod mechanics;
mod participant;
mod receipts;
mod repair;
mod stores;
mod trust;
#[cfg(not(target_arch = "wasm32"))]
mod worst;

//! Endpoints at work over real files, and links that are as bad as a test wants them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod closing;
mod conversation;
mod decisions;
mod devices;
mod ephemeral;
mod forgeries;
mod key_life;
mod lossy;
mod publishing;
mod receiving;
mod repair;
mod samples;
mod settling;
mod site;
mod traces;
mod windows;

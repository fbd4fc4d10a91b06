//! Endpoints at work over real files, and links that are as bad as a test wants them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conversation;
mod decisions;
mod lossy;
mod prekeys;
mod publishing;
mod receiving;
mod repair;
mod samples;
mod settling;
mod windows;

//! `docker-compose.yml`: what it says, and what it does on an engine.
#![expect(clippy::unwrap_used, reason = "a test")]

mod file;
mod life;

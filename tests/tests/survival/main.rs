//! What survives: killed processes, a queue that is away, a wrong passphrase, taken ports, a full
//! disk. Nothing that was accepted is lost, nothing arrives twice, and what is wrong is said.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, which print what they measured"
)]

mod attempt;
mod digest;
mod elsewhere;
mod evidence;
mod first_chat;
mod full_disk;
mod interrupted_launch;
mod killed;
mod mount;
mod outage;
mod passphrase;
mod random;
mod refused_data;
mod refused_ports;
mod refused_settings;
mod services_killed;
mod stopped;
mod traffic;

//! Scenarios over the whole stack: the real binary, a real nats-server, real files.
//!
//! [`Stack`] runs `sysmaint up`; [`Services`] runs relay, agent, probe and web as processes of
//! their own. Both are on free ports and in a directory of their own, and both are killed when
//! they are dropped. [`eventually`] waits for a condition.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a test library: a failure here is a failed test"
)]

mod aimock;
mod binary;
mod eventually;
mod ports;
mod process;
mod services;
mod stack;
mod web;

pub use aimock::Aimock;
pub use binary::{nats_server, sysmaint};
pub use eventually::{eventually, eventually_within};
pub use ports::free_port;
pub use process::Process;
pub use services::{Service, Services};
pub use stack::{Stack, StackBuilder};
pub use web::Web;

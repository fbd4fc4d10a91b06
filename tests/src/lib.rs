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
mod certificate;
mod containers;
mod elsewhere;
mod eventually;
mod fixed_model;
mod kill_plan;
mod official;
mod output;
mod ports;
mod process;
mod python;
mod raw_http;
mod raw_nats;
mod remote_device;
mod scanner;
mod services;
mod skip;
mod stack;
mod web;
mod wire_log;

pub use aimock::Aimock;
pub use binary::{nats_server, sysmaint};
pub use certificate::make_certificate;
pub use containers::{Composed, Engine};
pub use elsewhere::{Elsewhere, copy_files};
pub use eventually::{eventually, eventually_within};
pub use fixed_model::FixedModel;
pub use kill_plan::{KillPlan, KillPoint};
pub use official::OfficialClient;
pub use output::said;
pub use ports::{free_port, free_ports};
pub use process::Process;
pub use python::{python_tool, python_tools};
pub use raw_http::exchange;
pub use raw_nats::{Captured, RawNats};
pub use remote_device::RemoteDevice;
pub use scanner::{Scanner, canary, files, plain_canary};
pub use services::{Service, Services, ServicesBuilder};
pub use skip::skip;
pub use stack::{Stack, StackBuilder};
pub use web::Web;
pub use wire_log::{Passed, WireLog};

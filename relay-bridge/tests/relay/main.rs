//! A whole bridge over a real nats-server, asked over HTTP and NATS by real devices.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
#![expect(unreachable_pub, reason = "modules of a test share what they need")]

mod access;
mod audit;
mod bridge;
mod bridges;
mod client;
mod codes;
mod described;
mod devices;
mod docs;
mod held_link;
mod hopping;
mod known;
mod life;
mod limits;
mod logins;
mod messages;
mod observed;
mod person;
mod pops;
mod prekeys;
mod registration;
mod sockets;
mod stage;
mod thousands;
mod trouble;

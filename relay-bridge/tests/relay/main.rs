//! A whole bridge over a real nats-server, asked over HTTP and NATS by real devices.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "modules of a test share what they need")]

mod access;
mod bridge;
mod held_link;
mod known;
mod life;
mod limits;
mod messages;
mod person;
mod pops;
mod prekeys;
mod registration;
mod stage;

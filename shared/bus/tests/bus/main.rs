//! The bus against a real nats-server with the rendered configuration and real roles.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "modules of a test share what they need")]

mod directory;
mod hints;
mod mailboxes;
mod permissions;
mod readers;
mod registry;
mod relay;
mod servers;
mod site;

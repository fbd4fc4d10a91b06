//! The bus against a real nats-server with the rendered configuration and real roles.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "modules of a test share what they need")]

mod anchors;
mod cluster;
mod directory;
mod hints;
mod mailboxes;
mod manual;
mod matrix;
mod permissions;
mod readers;
mod registry;
mod relay;
mod rotation;
mod servers;
mod site;
mod tls;

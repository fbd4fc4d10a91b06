//! The relay: directory, certificate authority and the HTTP face of the bus.
//!
//! A bridge keeps nothing but its audit: identities, prekeys, tokens and mailboxes are in
//! JetStream, and the certificate authority comes from whoever starts it. Any number of bridges
//! serve one broker.
//!
//! * [`RelayDirectory`] answers directory requests, over NATS and over HTTP alike.
//! * [`Audit`] is what it writes down of its own doings.
//! * [`bind`] and [`run`] are the life of one bridge.
//!
//! It sees envelopes and never what is in them; it writes no sender beside a recipient.

mod audit;
mod clock;
mod config;
mod counters;
mod delivery;
mod directory;
mod http;
mod invitation;
mod limits;
mod metrics;
mod problem;
mod server;
mod socket;

pub use audit::Audit;
pub use config::{Config, DiagnosticsAccess};
pub use directory::{Origin, RelayDirectory};
pub use invitation::Invitation;
pub use limits::LimitSettings;
pub use server::{BindError, Parts, RunError, bind, run};
pub use socket::SocketSettings;

//! The message bus: mailboxes and the directory, over NATS and through a relay. The only user of
//! async-nats.
//!
//! * [`Mailbox`] and [`Directory`]: what a device needs of the world, whatever carries it.
//! * [`Bus`]: one connection to NATS; [`NatsMailbox`] and [`NatsDirectory`] speak over it.
//! * [`RelayClient`]: the way to a relay over HTTPS; [`RelayMailbox`] and [`RelayDirectory`] speak
//!   over it.
//! * [`Registry`], [`StreamTable`], [`DirectoryHandler`]: the relay's side of the same.
//! * [`Callout`], [`Issuer`]: letting devices in that registered at run time.
//! * [`NatsServer`], [`conf`], [`Role`]: the server itself, where sysmaint runs it.

pub mod conf;
pub mod registry;
pub mod server;

mod administration;
mod anchors;
mod backoff;
mod callout;
mod connect;
mod connections;
mod credentials;
mod diagnostics;
mod directory;
mod directory_service;
mod hints;
mod issuer;
mod mailbox;
mod nats_directory;
mod nats_mailbox;
mod permissions;
mod relay_client;
mod relay_directory;
mod relay_mailbox;
mod request;
mod stored_mailbox;
mod streams;
mod tap;

pub use administration::{AdministrationHandler, AskError};
pub use anchors::AnchorError;
pub use callout::{Callout, KnownLogin, Logins};
pub use connect::{Bus, BusConfig, ClientIdentity, ClientTls, ConnectError, ServerVersion};
pub use credentials::{Credentials, CredentialsError, is_genuine};
pub use diagnostics::{
    Diagnostics, DiagnosticsError, EffectiveDurability, FailedStream, StreamDiagnostics,
};
pub use directory::{Directory, DirectoryError, DirectoryHandler};
pub use directory_service::ServeError;
pub use hints::{Hint, Hints, HintsError, SessionNotice};
pub use issuer::Issuer;
pub use mailbox::{
    Acknowledge, AcknowledgeError, Deliveries, Delivery, Mailbox, OpenError, PublishError,
};
pub use nats_directory::NatsDirectory;
pub use nats_mailbox::{NatsMailbox, ProvisionError};
pub use permissions::{Permissions, Role};
pub use registry::{Registry, RegistryError};
pub use relay_client::{
    InvalidRelayUrl, RelayClient, RelayClientConfig, RelayClientError, RelayUrl, TlsError,
};
pub use relay_directory::RelayDirectory;
pub use relay_mailbox::RelayMailbox;
pub use server::{NatsServer, NatsServerConfig, RunningServer, ServerError};
pub use stored_mailbox::{StoredEnvelope, StoredError, StoredMailbox};
pub use streams::{StreamTable, StreamsError};
pub use tap::{Seen, Tap, TapError};

//! SQLite behind a passphrase: one file a service.
//!
//! [`Store::open`] derives the key and opens the file; [`Store::write`] runs a step inside a
//! transaction on the one writer thread, which commits whatever waits in one go; [`Store::read`]
//! runs on a connection of its own. Every page is encrypted by SQLCipher, indexes and names
//! included.
//!
//! A step sees [`Tx`], which knows the tables by what they are for: a [`device`](Tx::device), its
//! [`outbox`](View::outbox) and [`inbox`](View::inbox), [`telemetry`](View::telemetry), and so on.

pub mod audit;

mod authority_file;
mod cipher;
mod connection;
mod dead_letters;
mod device_store;
mod inbox;
mod lock;
mod migrate;
mod outbox;
mod own_samples;
mod repairs;
mod sent;
mod telemetry;
mod usage;
mod view;
mod writer;

mod chat;
mod direct_messages;

pub use authority_file::{AuthorityFileError, load_or_create_authority};
pub use chat::{Chat, ChatRow};
pub use cipher::Passphrase;
pub use connection::OpenError;
pub use dead_letters::DeadLetters;
pub use device_store::DeviceStore;
pub use direct_messages::{DirectMessageRow, DirectMessages};
pub use inbox::{Inbox, InboxRow};
pub use lock::LockError;
pub use outbox::{Outbox, OutboxRow, PAUSE_MAX};
pub use own_samples::OwnSamples;
pub use repairs::{RepairCounts, Repairs};
pub use sent::{Delivery, Sent};
pub use telemetry::{HostRow, METRICS, PointRow, Telemetry};
pub use usage::UsageTable;
pub use view::{Tx, View};
pub use writer::{Store, WriteError};

/// A statement failed.
#[derive(Debug, thiserror::Error)]
#[error("the database failed: {0}")]
pub struct SqlError(#[from] rusqlite::Error);

impl From<SqlError> for sysmaint_device::store::StoreError {
    fn from(error: SqlError) -> Self {
        Self(Box::new(error))
    }
}

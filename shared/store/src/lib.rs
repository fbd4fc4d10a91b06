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

mod alerts;
mod authority_file;
mod cipher;
mod connection;
mod dead_letters;
mod device_store;
mod exchanges;
mod firing;
mod history;
mod inbox;
mod integrity;
mod kept_back;
mod lock;
mod losses;
mod migrate;
mod outbox;
mod own_samples;
mod repairs;
mod sent;
mod spend;
mod telemetry;
mod usage;
mod view;
mod writer;
mod writer_thread;

mod chat;
mod direct_messages;

pub use alerts::Alerts;
pub use authority_file::{AuthorityFileError, load_or_create_authority};
pub use chat::{Chat, ChatRow};
pub use cipher::Passphrase;
pub use connection::OpenError;
pub use dead_letters::DeadLetters;
pub use device_store::{DeviceStore, Queued};
pub use direct_messages::{DirectMessageRow, DirectMessages};
pub use exchanges::{ExchangeRow, Exchanges};
pub use firing::{DueAlert, Firing, FiringRow};
pub use history::{
    Gap, History, InvalidRetention, Level, Metric, POINTS_MAX, Reading, Retention, Series, Summary,
    UnknownMetric, readings,
};
pub use inbox::{Inbox, InboxRow};
pub use kept_back::{KeptBack, KeptRow};
pub use lock::LockError;
pub use losses::LossRow;
pub use outbox::{Outbox, OutboxRow, PAUSE_MAX};
pub use own_samples::OwnSamples;
pub use repairs::{RepairCounts, Repairs};
pub use sent::{Delivery, Sent};
pub use spend::Spend;
pub use telemetry::{HostRow, Telemetry};
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

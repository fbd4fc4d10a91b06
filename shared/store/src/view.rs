//! What a step or a look sees of the tables.

use std::ops::Deref;

use rusqlite::Connection;
use sysmaint_protocol::Handle;

use crate::{
    Alerts, Chat, DeadLetters, DeviceStore, DirectMessages, Exchanges, Firing, Inbox, KeptBack,
    Outbox, OwnSamples, Repairs, Sent, Spend, SqlError, Telemetry, UsageTable, integrity,
};

/// The tables, for looking. Changing anything through it fails.
#[derive(Clone, Copy)]
pub struct View<'a> {
    connection: &'a Connection,
}

/// The tables inside a transaction.
pub struct Tx<'a>(View<'a>);

impl<'a> View<'a> {
    pub(crate) const fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// What waits to be published.
    pub const fn outbox(&self) -> Outbox<'a> {
        Outbox(self.connection)
    }

    /// What was sealed, and what became of it.
    pub const fn sent(&self) -> Sent<'a> {
        Sent(self.connection)
    }

    /// What was received.
    pub const fn inbox(&self) -> Inbox<'a> {
        Inbox(self.connection)
    }

    /// What could not be opened.
    pub const fn dead_letters(&self) -> DeadLetters<'a> {
        DeadLetters(self.connection)
    }

    /// How repair goes.
    pub const fn repairs(&self) -> Repairs<'a> {
        Repairs(self.connection)
    }

    /// A probe's own samples.
    pub const fn own_samples(&self) -> OwnSamples<'a> {
        OwnSamples(self.connection)
    }

    /// What hosts have reported.
    pub const fn telemetry(&self) -> Telemetry<'a> {
        Telemetry(self.connection)
    }

    /// What needs attention, by the agent's rules.
    pub const fn firing(&self) -> Firing<'a> {
        Firing(self.connection)
    }

    /// What the agent told of it.
    pub const fn alerts(&self) -> Alerts<'a> {
        Alerts(self.connection)
    }

    /// Prompts and answers.
    pub const fn chat(&self) -> Chat<'a> {
        Chat(self.connection)
    }

    /// What people wrote to each other.
    pub const fn direct_messages(&self) -> DirectMessages<'a> {
        DirectMessages(self.connection)
    }

    /// What the demo's link holds.
    pub const fn kept_back(&self) -> KeptBack<'a> {
        KeptBack(self.connection)
    }

    /// What the agent remembers of conversations.
    pub const fn exchanges(&self) -> Exchanges<'a> {
        Exchanges(self.connection)
    }

    /// What models have cost, by day.
    pub const fn spend(&self) -> Spend<'a> {
        Spend(self.connection)
    }

    /// Usage counters.
    pub const fn usage(&self) -> UsageTable<'a> {
        UsageTable(self.connection)
    }

    /// What is wrong with the file itself; nothing if it is whole. Reads all of it.
    pub fn damage(&self) -> Result<Vec<String>, SqlError> {
        integrity::damage(self.connection)
    }

    /// A device that was made before; `None` before the first time.
    pub fn known_device(&self, handle: &Handle) -> Result<Option<DeviceStore<'a>>, SqlError> {
        DeviceStore::find(self.connection, handle)
    }
}

impl<'a> Tx<'a> {
    pub(crate) const fn new(connection: &'a Connection) -> Self {
        Self(View::new(connection))
    }

    /// The store of one of the file's devices.
    pub fn device(&self, handle: &Handle) -> Result<DeviceStore<'a>, SqlError> {
        DeviceStore::find_or_make(self.connection, handle)
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.0
    }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("View").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tx").finish_non_exhaustive()
    }
}

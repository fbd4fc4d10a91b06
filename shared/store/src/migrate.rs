//! Bringing a file to this version's schema.

use rusqlite::Connection;

/// What a kind of file is made of.
#[derive(Debug)]
pub(crate) struct Schema {
    /// SQLite's application id, by which the kinds of files are told apart.
    pub(crate) application: i32,
    /// The kind in words.
    pub(crate) what: &'static str,
    /// Never edited once released; a change is a new file at the end.
    pub(crate) migrations: &'static [&'static str],
}

/// A service's store. The first ones were made without an application id, so none has one.
pub(crate) const STORE: Schema = Schema {
    application: 0,
    what: "a service's store",
    migrations: &[
        include_str!("../migrations/0001_device.sql"),
        include_str!("../migrations/0002_telemetry.sql"),
        include_str!("../migrations/0003_conversation.sql"),
        include_str!("../migrations/0004_repair.sql"),
        include_str!("../migrations/0005_trust.sql"),
        include_str!("../migrations/0006_prekeys.sql"),
        include_str!("../migrations/0007_hostile.sql"),
        include_str!("../migrations/0008_key_life.sql"),
        include_str!("../migrations/0009_answering.sql"),
        include_str!("../migrations/0010_history.sql"),
        include_str!("../migrations/0011_spool.sql"),
        include_str!("../migrations/0012_alerts.sql"),
        include_str!("../migrations/0013_day_spend.sql"),
        include_str!("../migrations/0014_alert_metric.sql"),
        include_str!("../migrations/0015_kept_back.sql"),
    ],
};

impl Schema {
    /// The schema version that this program knows.
    pub(crate) fn version(&self) -> u32 {
        u32::try_from(self.migrations.len()).unwrap_or(u32::MAX)
    }

    /// Whether a file is of this kind, or new.
    pub(crate) fn fits(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let application: i32 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        Ok(application == self.application || (application == 0 && version(connection)? == 0))
    }

    /// Runs what is missing, each step with its version in one transaction.
    pub(crate) fn run(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let mut version = version(connection)?;
        for sql in self.migrations.iter().skip(version as usize) {
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            version += 1;
            transaction.pragma_update(None, "application_id", self.application)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
        Ok(())
    }
}

/// The file's schema version; 0 for a new file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

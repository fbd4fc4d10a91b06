//! Bringing a file to this version's schema.

use rusqlite::Connection;

/// Never edited once released; a change is a new file at the end.
const MIGRATIONS: [&str; 6] = [
    include_str!("../migrations/0001_device.sql"),
    include_str!("../migrations/0002_telemetry.sql"),
    include_str!("../migrations/0003_conversation.sql"),
    include_str!("../migrations/0004_repair.sql"),
    include_str!("../migrations/0005_trust.sql"),
    include_str!("../migrations/0006_prekeys.sql"),
];

/// The schema version that this program knows.
#[expect(clippy::cast_possible_truncation, reason = "a handful of migrations")]
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The file's schema version; 0 for a new file.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs what is missing, each step with its version in one transaction.
pub(crate) fn run(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut version = version(connection)?;
    for sql in MIGRATIONS.iter().skip(version as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        version += 1;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

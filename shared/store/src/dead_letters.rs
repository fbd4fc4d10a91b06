//! What could not be opened, counted by reason.

use rusqlite::Connection;

use crate::SqlError;

/// The dead letters.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters<'a>(pub(crate) &'a Connection);

impl DeadLetters<'_> {
    /// Reasons and how often each was met, over all devices of the file.
    pub fn counts(&self) -> Result<Vec<(String, u64)>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT reason, sum(count) FROM dead_letter_count GROUP BY reason ORDER BY reason",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts a message that was opened and then turned away, by reason.
    pub fn count(&self, slot: i64, reason: &str) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO dead_letter_count VALUES (?1, ?2, 1)
                 ON CONFLICT DO UPDATE SET count = count + 1",
            )?
            .execute(rusqlite::params![slot, reason])?;
        Ok(())
    }

    /// Envelopes that wait for a decision on a changed identity.
    pub fn held(&self) -> Result<u64, SqlError> {
        Ok(self.0.query_row("SELECT count(*) FROM held", [], |row| row.get(0))?)
    }
}

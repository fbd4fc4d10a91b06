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

    /// Envelopes that wait for a decision on a changed identity.
    pub fn held(&self) -> Result<u64, SqlError> {
        Ok(self.0.query_row("SELECT count(*) FROM held", [], |row| row.get(0))?)
    }
}

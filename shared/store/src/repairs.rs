//! How repair goes: what is asked for, what came again, what was lost.

use rusqlite::Connection;

use crate::SqlError;

/// The tables of repair.
#[derive(Clone, Copy, Debug)]
pub struct Repairs<'a>(pub(crate) &'a Connection);

/// How a device stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairCounts {
    /// Messages that could not be opened, that their senders are asked for.
    pub awaited: u64,
    /// Messages that were asked for and came again.
    pub repaired: u64,
    /// Requests of peers that were answered.
    pub answered: u64,
    /// Messages that could not be opened and will not come again.
    pub lost: u64,
    /// Envelopes that wait for a decision on a changed identity key.
    pub held: u64,
}

impl Repairs<'_> {
    /// Counts for one device of the file.
    pub fn counts(&self, slot: i64) -> Result<RepairCounts, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT (SELECT count(*) FROM retry WHERE slot = ?1),
                 (SELECT coalesce(sum(repaired), 0) FROM repair_count WHERE slot = ?1),
                 (SELECT coalesce(sum(resent), 0) FROM repair_count WHERE slot = ?1),
                 (SELECT coalesce(sum(count), 0) FROM dead_letter_count WHERE slot = ?1),
                 (SELECT count(*) FROM held WHERE slot = ?1)",
        )?;
        Ok(statement.query_row([slot], |row| {
            Ok(RepairCounts {
                awaited: row.get(0)?,
                repaired: row.get(1)?,
                answered: row.get(2)?,
                lost: row.get(3)?,
                held: row.get(4)?,
            })
        })?)
    }
}

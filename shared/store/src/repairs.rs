//! How repair goes: what is asked for, what came again, what was lost.

use rusqlite::Connection;

use crate::SqlError;

/// Messages of one peer that count as missing; it may claim any sequence.
const MISSING_MAX: i64 = 1_000_000;

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
    /// Messages that never arrived, as far as the sequences of later ones tell; some of them may
    /// still be on their way.
    pub missing: u64,
}

impl Repairs<'_> {
    /// Counts for one device of the file.
    pub fn counts(&self, slot: i64) -> Result<RepairCounts, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT (SELECT count(*) FROM retry WHERE slot = ?1),
                 (SELECT coalesce(sum(repaired), 0) FROM repair_count WHERE slot = ?1),
                 (SELECT coalesce(sum(resent), 0) FROM repair_count WHERE slot = ?1),
                 (SELECT coalesce(sum(count), 0) FROM dead_letter_count WHERE slot = ?1),
                 (SELECT count(*) FROM held WHERE slot = ?1),
                 (SELECT coalesce(sum(min(max(0, highest - received - unopened), ?2)), 0)
                  FROM peer WHERE slot = ?1)",
        )?;
        Ok(statement.query_row([slot, MISSING_MAX], |row| {
            Ok(RepairCounts {
                awaited: row.get(0)?,
                repaired: row.get(1)?,
                answered: row.get(2)?,
                lost: row.get(3)?,
                held: row.get(4)?,
                missing: row.get(5)?,
            })
        })?)
    }
}

//! What models have cost, by day.

use rusqlite::{Connection, OptionalExtension, params};
use sysmaint_protocol::Timestamp;

use crate::SqlError;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Days that are kept.
const KEPT: u64 = 31;

/// The table of days.
#[derive(Clone, Copy, Debug)]
pub struct Spend<'a>(pub(crate) &'a Connection);

impl Spend<'_> {
    /// What was spent on the day of this moment, in UTC and US dollars.
    pub fn on_day_of(&self, now: Timestamp) -> Result<f64, SqlError> {
        let spent = self
            .0
            .prepare_cached("SELECT cost_usd FROM spend WHERE day = ?1")?
            .query_row([day(now)], |row| row.get(0))
            .optional()?;
        Ok(spent.unwrap_or(0.0))
    }

    /// Adds to it.
    pub fn add(&self, now: Timestamp, cost_usd: f64) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO spend (day, cost_usd) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET cost_usd = cost_usd + excluded.cost_usd",
            )?
            .execute(params![day(now), cost_usd])?;
        self.0
            .prepare_cached("DELETE FROM spend WHERE day < ?1")?
            .execute([day(now).saturating_sub(KEPT)])?;
        Ok(())
    }

    /// When the day of this moment is over.
    pub fn day_ends(now: Timestamp) -> Timestamp {
        Timestamp::from_millis((day(now) + 1).saturating_mul(DAY_MS))
    }
}

const fn day(now: Timestamp) -> u64 {
    now.as_millis() / DAY_MS
}

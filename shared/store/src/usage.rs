//! Tokens and their price since the last reset.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sysmaint_protocol::{
    Timestamp,
    body::{DaySpend, Tokens, Usage},
};

use crate::{SqlError, device_store::timestamp};

/// The usage table: the agent's own counters, or an operator's copy of them.
#[derive(Clone, Copy, Debug)]
pub struct UsageTable<'a>(pub(crate) &'a Connection);

impl UsageTable<'_> {
    /// The counters; `None` before the first answer.
    pub fn get(&self) -> Result<Option<Usage>, SqlError> {
        Ok(self
            .0
            .prepare_cached(
                "SELECT input_tokens, output_tokens, cost_usd, answers, since,
                     day_spent_usd, day_cap_usd, day_until FROM usage",
            )?
            .query_row([], |row| {
                Ok(Usage {
                    input_tokens: row.get(0)?,
                    output_tokens: row.get(1)?,
                    cost_usd: row.get(2)?,
                    answers: row.get(3)?,
                    since: timestamp(row, 4)?,
                    today: today(row)?,
                })
            })
            .optional()?)
    }

    /// Replaces the counters.
    pub fn put(&self, usage: &Usage) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO usage VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                i64::try_from(usage.input_tokens).unwrap_or(i64::MAX),
                i64::try_from(usage.output_tokens).unwrap_or(i64::MAX),
                usage.cost_usd,
                i64::try_from(usage.answers).unwrap_or(i64::MAX),
                usage.since.as_millis(),
                usage.today.map(|today| today.spent_usd),
                usage.today.and_then(|today| today.cap_usd),
                usage.today.map(|today| today.until.as_millis()),
            ])?;
        Ok(())
    }

    /// Counts one answer and returns the new counters.
    pub fn add(&self, tokens: Tokens, now: Timestamp) -> Result<Usage, SqlError> {
        let known = self.get()?.unwrap_or(Usage { since: now, ..Usage::default() });
        let usage = Usage {
            input_tokens: known.input_tokens.saturating_add(tokens.input_tokens),
            output_tokens: known.output_tokens.saturating_add(tokens.output_tokens),
            cost_usd: known.cost_usd + tokens.cost_usd,
            answers: known.answers.saturating_add(1),
            since: known.since,
            today: known.today,
        };
        self.put(&usage)?;
        Ok(usage)
    }
}

fn today(row: &Row<'_>) -> rusqlite::Result<Option<DaySpend>> {
    let Some(spent_usd) = row.get(5)? else { return Ok(None) };
    Ok(Some(DaySpend { spent_usd, cap_usd: row.get(6)?, until: timestamp(row, 7)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::STORE;

    fn opened() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        STORE.run(&mut connection).unwrap();
        connection
    }

    #[test]
    fn what_a_day_may_cost_is_kept_and_a_capless_day_has_no_cap() {
        let connection = opened();
        let table = UsageTable(&connection);
        let until = Timestamp::from_millis(86_400_000);
        for cap_usd in [Some(2.5), None] {
            let today = Some(DaySpend { spent_usd: 0.5, cap_usd, until });
            let usage = Usage { answers: 3, today, ..Usage::default() };
            table.put(&usage).unwrap();
            assert_eq!(table.get().unwrap(), Some(usage));
        }
    }

    #[test]
    fn counters_from_before_days_were_told_are_read_as_they_are() {
        let connection = opened();
        connection
            .execute(
                "INSERT INTO usage (id, input_tokens, output_tokens, cost_usd, answers, since)
                      VALUES (1, 10, 20, 0.5, 3, 7)",
                [],
            )
            .unwrap();
        let usage = UsageTable(&connection).get().unwrap().unwrap();
        assert_eq!((usage.answers, usage.today), (3, None));
    }
}

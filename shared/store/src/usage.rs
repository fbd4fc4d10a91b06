//! Tokens and their price since the last reset.

use rusqlite::{Connection, OptionalExtension, params};
use sysmaint_protocol::{
    Timestamp,
    body::{Tokens, Usage},
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
                "SELECT input_tokens, output_tokens, cost_usd, answers, since FROM usage",
            )?
            .query_row([], |row| {
                Ok(Usage {
                    input_tokens: row.get(0)?,
                    output_tokens: row.get(1)?,
                    cost_usd: row.get(2)?,
                    answers: row.get(3)?,
                    since: timestamp(row, 4)?,
                })
            })
            .optional()?)
    }

    /// Replaces the counters.
    pub fn put(&self, usage: &Usage) -> Result<(), SqlError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO usage VALUES (1, ?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                i64::try_from(usage.input_tokens).unwrap_or(i64::MAX),
                i64::try_from(usage.output_tokens).unwrap_or(i64::MAX),
                usage.cost_usd,
                i64::try_from(usage.answers).unwrap_or(i64::MAX),
                usage.since.as_millis(),
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
        };
        self.put(&usage)?;
        Ok(usage)
    }
}

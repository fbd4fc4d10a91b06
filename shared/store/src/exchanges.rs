//! What people asked the agent and were answered, as far as it is remembered.

use std::time::Duration;

use rusqlite::{Connection, params};
use sysmaint_protocol::{ServiceId, Timestamp};

use crate::SqlError;

/// Exchanges that are remembered of one person.
const KEPT: usize = 12;
/// Bytes of them, prompts and answers together.
const BYTES: usize = 24 * 1024;
/// For how long.
const AGE: Duration = Duration::from_hours(12);

/// The table of exchanges.
#[derive(Clone, Copy, Debug)]
pub struct Exchanges<'a>(pub(crate) &'a Connection);

/// A question and its answer.
#[derive(Clone, PartialEq, Eq)]
pub struct ExchangeRow {
    /// The question.
    pub prompt: String,
    /// The answer.
    pub answer: String,
}

impl std::fmt::Debug for ExchangeRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ExchangeRow")
            .field("prompt", &self.prompt.len())
            .field("answer", &self.answer.len())
            .finish()
    }
}

impl Exchanges<'_> {
    /// The latest of one person, oldest first: at most twelve of twelve hours, 24 KiB together.
    pub fn latest(&self, of: ServiceId, now: Timestamp) -> Result<Vec<ExchangeRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT prompt, answer FROM exchange
             WHERE service_id = ?1 AND answered_at > ?2 AND answered_at <= ?3
             ORDER BY id DESC LIMIT ?4",
        )?;
        // Of the future: the clock was put back since, and nobody knows how old it is.
        let (from, to) = (now.before(AGE).as_millis(), now.as_millis());
        let rows = statement.query_map(params![of.as_bytes(), from, to, KEPT], |row| {
            Ok(ExchangeRow { prompt: row.get(0)?, answer: row.get(1)? })
        })?;
        let mut latest = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let row = row?;
            bytes += row.prompt.len() + row.answer.len();
            if bytes > BYTES {
                break;
            }
            latest.push(row);
        }
        latest.reverse();
        Ok(latest)
    }

    /// Remembers one more, and forgets what is too old or too many.
    pub fn add(
        &self,
        of: ServiceId,
        prompt: &str,
        answer: &str,
        now: Timestamp,
    ) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO exchange (service_id, prompt, answer, answered_at)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![of.as_bytes(), prompt, answer, now.as_millis()])?;
        self.0
            .prepare_cached(
                "DELETE FROM exchange WHERE service_id = ?1 AND id NOT IN (
                     SELECT id FROM exchange WHERE service_id = ?1 ORDER BY id DESC LIMIT ?2)",
            )?
            .execute(params![of.as_bytes(), KEPT])?;
        self.prune(now)?;
        Ok(())
    }

    /// Forgets all of one person.
    pub fn forget(&self, of: ServiceId) -> Result<(), SqlError> {
        self.0
            .prepare_cached("DELETE FROM exchange WHERE service_id = ?1")?
            .execute([of.as_bytes()])?;
        Ok(())
    }

    /// Forgets what is too old, of everybody.
    pub fn prune(&self, now: Timestamp) -> Result<usize, SqlError> {
        Ok(self
            .0
            .prepare_cached("DELETE FROM exchange WHERE answered_at <= ?1")?
            .execute([now.before(AGE).as_millis()])?)
    }
}

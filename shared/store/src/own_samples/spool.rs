//! How much is kept: bounded by size and by age.

use rusqlite::params;
use sysmaint_protocol::Timestamp;

use super::OwnSamples;
use crate::SqlError;

/// Stretches whose times are remembered; beyond that the oldest two become one.
const DROPPED: u64 = 1000;

/// A number that a reader is owed, or that is on its way to one that has not confirmed it.
const NEEDED: &str = "(EXISTS (SELECT 1 FROM reader WHERE sealed < sequence)
    OR EXISTS (SELECT 1 FROM owed WHERE sequence BETWEEN first AND last)
    OR EXISTS (SELECT 1 FROM carried WHERE sequence BETWEEN first AND last))";

/// A sample on its way out.
struct Old {
    sequence: u64,
    taken_at: u64,
    bytes: u64,
    needed: bool,
}

impl OwnSamples<'_> {
    /// Bytes of JSON of all samples that are kept.
    pub fn bytes(&self) -> Result<u64, SqlError> {
        Ok(self.0.prepare_cached("SELECT bytes FROM spool")?.query_row([], |row| row.get(0))?)
    }

    /// Forgets samples taken before `end`, whoever needs them; returns how many somebody did.
    pub fn prune(&self, end: Timestamp) -> Result<u64, SqlError> {
        self.drop_while("taken_at < ?1 ORDER BY sequence", end.as_millis(), |_| true)
    }

    /// Forgets the oldest samples while there are more than `max_bytes` of them, and then some, so
    /// that this is seldom needed: first those that every reader has confirmed, then whatever is
    /// oldest, but the latest. Returns how many of them somebody needed.
    pub fn shrink(&self, max_bytes: u64) -> Result<u64, SqlError> {
        let bytes = self.bytes()?;
        if bytes <= max_bytes {
            return Ok(0);
        }
        let latest = self.highest()?;
        let mut excess = bytes - (max_bytes - max_bytes / 16);
        let mut until_enough = |old: &Old| {
            let more = excess > 0;
            excess = excess.saturating_sub(old.bytes);
            more
        };
        let spare = format!("sequence < ?1 AND NOT {NEEDED} ORDER BY sequence");
        self.drop_while(&spare, latest, &mut until_enough)?;
        self.drop_while("sequence < ?1 ORDER BY sequence", latest, &mut until_enough)
    }

    /// Forgets samples one by one; returns how many of them a reader needed.
    fn drop_while(
        self,
        which: &str,
        bound: u64,
        mut go_on: impl FnMut(&Old) -> bool,
    ) -> Result<u64, SqlError> {
        let sql = format!(
            "SELECT sequence, taken_at, octet_length(body), {NEEDED} FROM own_sample WHERE {which}"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let mut rows = statement.query([bound])?;
        let mut going = Vec::new();
        while let Some(row) = rows.next()? {
            let (sequence, taken_at) = (row.get(0)?, row.get(1)?);
            let old = Old { sequence, taken_at, bytes: row.get(2)?, needed: row.get(3)? };
            if !go_on(&old) {
                break;
            }
            going.push(old);
        }
        drop(rows);
        self.forget(&going)?;
        let needed: Vec<_> = going.iter().filter(|old| old.needed).collect();
        self.note_dropped(&needed)?;
        Ok(needed.len() as u64)
    }

    fn forget(self, going: &[Old]) -> Result<(), SqlError> {
        let mut delete = self.0.prepare_cached("DELETE FROM own_sample WHERE sequence = ?1")?;
        for old in going {
            delete.execute([old.sequence])?;
        }
        let bytes: u64 = going.iter().map(|old| old.bytes).sum();
        if bytes > 0 {
            self.0
                .prepare_cached("UPDATE spool SET bytes = max(bytes - ?1, 0)")?
                .execute([bytes])?;
        }
        Ok(())
    }

    fn note_dropped(self, needed: &[&Old]) -> Result<(), SqlError> {
        let mut note =
            self.0.prepare_cached("INSERT OR REPLACE INTO dropped VALUES (?1, ?2, ?3, ?4)")?;
        for run in needed.chunk_by(|one, next| one.sequence + 1 == next.sequence) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let from = run.iter().map(|old| old.taken_at).min().unwrap_or(first.taken_at);
            let to = run.iter().map(|old| old.taken_at).max().unwrap_or(last.taken_at);
            note.execute(params![first.sequence, last.sequence, from, to])?;
        }
        self.merge_oldest()
    }

    fn merge_oldest(self) -> Result<(), SqlError> {
        let count: u64 = self.0.query_row("SELECT count(*) FROM dropped", [], |row| row.get(0))?;
        for _ in DROPPED..count {
            self.0.execute_batch(
                "UPDATE dropped SET last = next.last, from_at = min(dropped.from_at, next.from_at),
                     to_at = max(dropped.to_at, next.to_at)
                 FROM (SELECT first AS place, last, from_at, to_at FROM dropped
                       ORDER BY first LIMIT 1 OFFSET 1) AS next
                 WHERE first = (SELECT min(first) FROM dropped);
                 DELETE FROM dropped WHERE first =
                     (SELECT first FROM dropped ORDER BY first LIMIT 1 OFFSET 1);",
            )?;
        }
        Ok(())
    }
}

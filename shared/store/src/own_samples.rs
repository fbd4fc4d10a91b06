//! A probe's own samples: kept first, sealed afterwards.
//!
//! Each has a number. A reader is owed every number above `reader.sealed`, and the stretches in
//! `owed` below it; what it is given is taken from these, so that each number is sealed to it
//! once. A number whose sample is gone is given as lost.

mod portion;
mod spool;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};
use sysmaint_protocol::{ContentId, Handle, body::Telemetry, sample::Sample};

use crate::{SqlError, device_store::blob16};

/// Numbers of own samples.
pub(crate) type Stretch = RangeInclusive<u64>;

/// The tables of own samples and of their readers.
#[derive(Clone, Copy, Debug)]
pub struct OwnSamples<'a>(pub(crate) &'a Connection);

impl OwnSamples<'_> {
    /// The name of this store's stream; `fresh` becomes it the first time.
    pub fn stream(&self, fresh: ContentId) -> Result<ContentId, SqlError> {
        self.0
            .prepare_cached("INSERT OR IGNORE INTO own_stream VALUES (1, ?1)")?
            .execute([fresh.as_bytes()])?;
        let stream = self.0.query_row("SELECT stream FROM own_stream", [], |row| blob16(row, 0))?;
        Ok(ContentId::from_bytes(stream))
    }

    /// Keeps a sample under the next number.
    pub fn keep(&self, sample: &Sample) -> Result<u64, SqlError> {
        let body = serde_json::to_string(sample)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.0
            .prepare_cached("INSERT INTO own_sample (taken_at, body) VALUES (?1, ?2)")?
            .execute(params![sample.taken_at.as_millis(), body])?;
        let sequence = u64::try_from(self.0.last_insert_rowid()).unwrap_or_default();
        self.0.prepare_cached("UPDATE spool SET bytes = bytes + ?1")?.execute([body.len()])?;
        Ok(sequence)
    }

    /// Who reads from now on. One that is new is sent everything that is still here; one that is
    /// not among them any more is forgotten, and nothing is kept for it.
    pub fn meet_readers(&self, readers: &[Handle]) -> Result<(), SqlError> {
        let mut statement = self.0.prepare_cached("SELECT handle FROM reader")?;
        let known = statement.query_map([], |row| row.get(0))?;
        let known = known.collect::<Result<Vec<String>, _>>()?;
        for gone in known.iter().filter(|name| readers.iter().all(|it| it.as_str() != **name)) {
            self.0.execute("DELETE FROM reader WHERE handle = ?1", [gone])?;
        }
        for reader in readers {
            let sealed = self.sealed(reader)?;
            self.0
                .prepare_cached("INSERT OR IGNORE INTO reader VALUES (?1, ?2)")?
                .execute(params![reader.as_str(), sealed])?;
        }
        Ok(())
    }

    /// How many numbers a reader has not been sent.
    pub fn backlog(&self, reader: &Handle) -> Result<u64, SqlError> {
        let above = self.highest()?.saturating_sub(self.sealed(reader)?);
        let owed = self.owed(reader)?.into_iter().map(|owed| owed.end() - owed.start() + 1);
        Ok(above + owed.sum::<u64>())
    }

    /// Notes that a reader was sent what [`next`](Self::next) gave.
    pub fn note_sealed(&self, reader: &Handle, telemetry: &Telemetry) -> Result<(), SqlError> {
        let (sealed, highest) = (self.sealed(reader)?, self.highest()?);
        let given = telemetry.stretches();
        if highest > sealed {
            self.0
                .prepare_cached(
                    "INSERT INTO reader VALUES (?1, ?2)
                     ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
                )?
                .execute(params![reader.as_str(), highest])?;
            // The usual case: everything that is new, and nothing else.
            if given == [sealed + 1..=highest] {
                return Ok(());
            }
            self.owe(reader, sealed + 1..=highest)?;
        }
        given.into_iter().try_for_each(|given| self.settle(reader, &given))
    }

    /// A reader is owed these numbers, once more perhaps.
    pub(crate) fn owe(self, reader: &Handle, stretch: Stretch) -> Result<(), SqlError> {
        // Whatever is above is owed anyway.
        let (first, last) = (*stretch.start(), self.sealed(reader)?.min(*stretch.end()));
        if first > last {
            return Ok(());
        }
        let touching = self.overlapping(reader, &(first.saturating_sub(1)..=last + 1))?;
        let first = touching.first().map_or(first, |it| first.min(*it.start()));
        let last = touching.last().map_or(last, |it| last.max(*it.end()));
        touching.iter().try_for_each(|old| self.remove(reader, old))?;
        self.insert(reader, first, last)
    }

    /// A reader is not owed these numbers any more.
    fn settle(self, reader: &Handle, given: &Stretch) -> Result<(), SqlError> {
        for owed in self.overlapping(reader, given)? {
            self.remove(reader, &owed)?;
            if owed.start() < given.start() {
                self.insert(reader, *owed.start(), given.start() - 1)?;
            }
            if owed.end() > given.end() {
                self.insert(reader, given.end() + 1, *owed.end())?;
            }
        }
        Ok(())
    }

    fn insert(self, reader: &Handle, first: u64, last: u64) -> Result<(), SqlError> {
        self.0.prepare_cached("INSERT INTO owed VALUES (?1, ?2, ?3)")?.execute(params![
            reader.as_str(),
            first,
            last
        ])?;
        Ok(())
    }

    fn remove(self, reader: &Handle, owed: &Stretch) -> Result<(), SqlError> {
        self.0
            .prepare_cached("DELETE FROM owed WHERE reader = ?1 AND first = ?2")?
            .execute(params![reader.as_str(), owed.start()])?;
        Ok(())
    }

    /// What a reader is owed below what it was sealed last, oldest first.
    fn owed(self, reader: &Handle) -> Result<Vec<Stretch>, SqlError> {
        self.overlapping(reader, &(0..=u64::MAX >> 1))
    }

    fn overlapping(self, reader: &Handle, with: &Stretch) -> Result<Vec<Stretch>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT first, last FROM owed
             WHERE reader = ?1 AND first <= ?3 AND last >= ?2 ORDER BY first",
        )?;
        let columns = params![reader.as_str(), with.start(), with.end()];
        let found = statement.query_map(columns, |row| Ok(row.get(0)?..=row.get(1)?))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Up to where a reader was sealed everything that is not in `owed`. A new one has nothing,
    /// and misses nothing of what is gone.
    fn sealed(self, reader: &Handle) -> Result<u64, SqlError> {
        let known: Option<u64> = self
            .0
            .prepare_cached("SELECT sealed FROM reader WHERE handle = ?1")?
            .query_row([reader.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(sealed) = known {
            return Ok(sealed);
        }
        let oldest: Option<u64> =
            self.0.query_row("SELECT min(sequence) FROM own_sample", [], |row| row.get(0))?;
        oldest.map_or_else(|| self.highest(), |oldest| Ok(oldest.saturating_sub(1)))
    }

    /// The last number that was given to a sample; 0 before the first.
    fn highest(self) -> Result<u64, SqlError> {
        let highest = self
            .0
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'own_sample'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(highest.unwrap_or(0))
    }
}

//! A host's buckets of one length.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};

use crate::SqlError;

/// Bits of a bucket's number: enough for one each second until the year 9999.
const NUMBER_BITS: u32 = 40;
const NUMBER_MASK: i64 = (1 << NUMBER_BITS) - 1;

/// One of them, by its number in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    id: i64,
    /// Milliseconds in a bucket.
    pub(super) step: u64,
}

impl Track {
    /// A host's tracks, from fine to coarse.
    pub(super) fn all(connection: &Connection, host: i64) -> Result<Vec<Self>, SqlError> {
        let mut statement = connection
            .prepare_cached("SELECT id, step FROM track WHERE host = ?1 ORDER BY step")?;
        let rows =
            statement.query_map([host], |row| Ok(Self { id: row.get(0)?, step: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The track of this step, which is made if there is none.
    pub(super) fn find_or_make(
        connection: &Connection,
        host: i64,
        step: u64,
    ) -> Result<Self, SqlError> {
        let id = connection
            .prepare_cached("SELECT id FROM track WHERE host = ?1 AND step = ?2")?
            .query_row(params![host, step], |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            return Ok(Self { id, step });
        }
        connection
            .execute("INSERT INTO track (host, step) VALUES (?1, ?2)", params![host, step])?;
        Ok(Self { id: connection.last_insert_rowid(), step })
    }

    /// The number of the bucket that holds a moment.
    pub(super) const fn number(self, millis: u64) -> u64 {
        millis / self.step
    }

    /// The row of a bucket.
    pub(super) fn row(self, number: u64) -> i64 {
        (self.id << NUMBER_BITS) | (i64::try_from(number).unwrap_or(i64::MAX) & NUMBER_MASK)
    }

    /// The bucket of a row.
    pub(super) fn number_of(row: i64) -> u64 {
        u64::try_from(row & NUMBER_MASK).unwrap_or_default()
    }

    /// The rows of all buckets up to one.
    pub(super) fn rows_up_to(self, number: u64) -> RangeInclusive<i64> {
        self.row(0)..=self.row(number)
    }

    /// The number of its first bucket, if there is any.
    pub(super) fn first(self, connection: &Connection) -> Result<Option<u64>, SqlError> {
        let last = self.row(u64::MAX);
        let row: Option<i64> = connection
            .prepare_cached("SELECT min(id) FROM bucket WHERE id BETWEEN ?1 AND ?2")?
            .query_row([self.row(0), last], |row| row.get(0))?;
        Ok(row.map(Self::number_of))
    }

    /// Forgets all buckets up to one, or the whole track.
    pub(super) fn forget(
        self,
        connection: &Connection,
        up_to: Option<u64>,
    ) -> Result<usize, SqlError> {
        let rows = self.rows_up_to(up_to.unwrap_or(u64::MAX));
        let count = connection
            .prepare_cached("DELETE FROM bucket WHERE id BETWEEN ?1 AND ?2")?
            .execute([rows.start(), rows.end()])?;
        if up_to.is_none() {
            connection.execute("DELETE FROM track WHERE id = ?1", [self.id])?;
        }
        Ok(count)
    }
}

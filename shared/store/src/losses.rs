//! Which numbers of a host's samples came, and which never will.

use rusqlite::{Row, params};
use sysmaint_protocol::{ContentId, Handle, Timestamp, body::Lost};

use crate::{SqlError, Telemetry, device_store::timestamp};

/// Stretches that are remembered of a host; their lengths stay counted.
const KEPT: u64 = 1000;

/// A stretch of samples that a host could not keep until they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// How many they are.
    pub samples: u64,
    /// When the first was taken.
    pub from: Timestamp,
    /// When the last was taken.
    pub to: Timestamp,
}

impl Telemetry<'_> {
    /// Stretches of a host's samples that are lost, whose times are known and touch this window,
    /// oldest first.
    pub fn losses(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LossRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT last - first + 1, from_at, to_at FROM host_gap
             WHERE host = (SELECT id FROM host WHERE handle = ?1) AND from_at <= ?3 AND to_at >= ?2
             ORDER BY from_at",
        )?;
        let window = params![host.as_str(), from.as_millis(), to.as_millis()];
        let rows = statement.query_map(window, |row| {
            let samples = row.get(0)?;
            Ok(LossRow { samples, from: timestamp(row, 1)?, to: timestamp(row, 2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A sample arrived for the first time.
    pub(crate) fn count(self, host: i64, stream: ContentId, sequence: u64) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO host_stream (host, stream, first, highest, received)
                 VALUES (?1, ?2, ?3, ?3, 1)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first),
                     late = late + (excluded.highest < highest),
                     highest = max(highest, excluded.highest), received = received + 1",
            )?
            .execute(params![host, stream.as_bytes(), sequence])?;
        Ok(())
    }

    /// A sample arrived that was here under the same number.
    pub(crate) fn count_duplicate(self, host: i64, stream: ContentId) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "UPDATE host_stream SET duplicate = duplicate + 1
                 WHERE host = ?1 AND stream = ?2",
            )?
            .execute(params![host, stream.as_bytes()])?;
        Ok(())
    }

    /// A host says that samples are lost; it may say so again, and of more.
    pub(crate) fn count_lost(
        self,
        host: i64,
        stream: ContentId,
        lost: &Lost,
    ) -> Result<(), SqlError> {
        let more = self.merge(host, stream, lost)?;
        self.0
            .prepare_cached(
                "INSERT INTO host_stream (host, stream, first, highest, received, lost)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first),
                     highest = max(highest, excluded.highest), lost = lost + excluded.lost",
            )?
            .execute(params![host, stream.as_bytes(), lost.first, lost.last, more])?;
        Ok(())
    }

    /// Makes one stretch of a loss and of those that it overlaps. Returns how many of its samples
    /// were not known to be lost.
    fn merge(self, host: i64, stream: ContentId, lost: &Lost) -> Result<u64, SqlError> {
        let place = params![host, stream.as_bytes(), lost.first, lost.last];
        let known = self
            .0
            .prepare_cached(
                "SELECT coalesce(sum(last - first + 1), 0), min(first), max(last), min(from_at),
                     max(to_at)
                 FROM host_gap WHERE host = ?1 AND stream = ?2 AND first <= ?4 AND last >= ?3",
            )?
            .query_row(place, Overlapped::read)?;
        self.0
            .prepare_cached(
                "DELETE FROM host_gap
                 WHERE host = ?1 AND stream = ?2 AND first <= ?4 AND last >= ?3",
            )?
            .execute(place)?;
        let begin = known.first.unwrap_or(lost.first).min(lost.first);
        let end = known.last.unwrap_or(lost.last).max(lost.last);
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        let from = millis(lost.from).into_iter().chain(known.from).min();
        let to = millis(lost.to).into_iter().chain(known.to).max();
        self.0
            .prepare_cached("INSERT INTO host_gap VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![host, stream.as_bytes(), begin, end, from, to])?;
        self.0
            .prepare_cached(
                "DELETE FROM host_gap WHERE host = ?1 AND (stream, first) IN (
                     SELECT stream, first FROM host_gap WHERE host = ?1
                     ORDER BY first DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![host, KEPT])?;
        Ok((end - begin + 1).saturating_sub(known.samples))
    }
}

/// What is known of the stretches that a loss overlaps.
struct Overlapped {
    samples: u64,
    first: Option<u64>,
    last: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
}

impl Overlapped {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            samples: row.get(0)?,
            first: row.get(1)?,
            last: row.get(2)?,
            from: row.get(3)?,
            to: row.get(4)?,
        })
    }
}

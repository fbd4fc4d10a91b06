//! What hosts have reported.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sysmaint_protocol::{
    ContentId, Handle, Timestamp,
    body::{self, NumberedSample},
    sample::Sample,
};

use crate::{
    SqlError,
    device_store::{handle, invalid, timestamp},
};

/// The tables of hosts and their samples.
#[derive(Clone, Copy, Debug)]
pub struct Telemetry<'a>(pub(crate) &'a Connection);

/// A host and its latest sample.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRow {
    /// Its handle.
    pub host: Handle,
    /// When its latest telemetry reached the broker.
    pub last_seen: Timestamp,
    /// Samples that were numbered and have not come.
    pub missing: u64,
    /// Samples that it could not keep until they were sent.
    pub lost: u64,
    /// Samples that came after a later one.
    pub late: u64,
    /// Samples that came again.
    pub duplicate: u64,
    /// The latest sample.
    pub sample: Sample,
}

impl Telemetry<'_> {
    /// Records a sample; false if its number was recorded before.
    pub fn record(
        &self,
        host: &Handle,
        stream: ContentId,
        numbered: &NumberedSample,
        stored_at: Timestamp,
    ) -> Result<bool, SqlError> {
        let id = self.host(host, stored_at)?;
        let sample = &numbered.sample;
        let taken_at = sample.taken_at.as_millis();
        let added = self
            .0
            .prepare_cached(
                "INSERT OR IGNORE INTO point (host, taken_at, stream, sequence)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                id,
                taken_at,
                stream.as_bytes(),
                i64::try_from(numbered.sequence).unwrap_or(i64::MAX),
            ])?;
        if added == 0 {
            self.count_again(id, stream, numbered)?;
            return Ok(false);
        }
        self.count(id, stream, numbered.sequence)?;
        let body = serde_json::to_string(sample)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.0
            .prepare_cached("INSERT OR REPLACE INTO sample VALUES (?1, ?2, ?3)")?
            .execute(params![id, taken_at, body])?;
        self.0
            .prepare_cached("INSERT OR IGNORE INTO waiting VALUES (?1, ?2)")?
            .execute(params![id, taken_at])?;
        Ok(true)
    }

    /// Records everything in one message.
    pub fn record_all(
        &self,
        host: &Handle,
        telemetry: &body::Telemetry,
        stored_at: Timestamp,
    ) -> Result<(), SqlError> {
        for sample in &telemetry.samples {
            self.record(host, telemetry.stream, sample, stored_at)?;
        }
        if !telemetry.lost.is_empty() {
            let id = self.host(host, stored_at)?;
            for lost in &telemetry.lost {
                self.count_lost(id, telemetry.stream, lost)?;
            }
        }
        Ok(())
    }

    /// Every host with its latest sample, by name.
    pub fn hosts(&self) -> Result<Vec<HostRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT handle, last_seen, body,
                 -- What a former stream still owed comes under the name of the next.
                 (SELECT max(highest - first + 1 - received - lost, 0) FROM host_stream
                  WHERE host = host.id ORDER BY host_stream.rowid DESC LIMIT 1),
                 (SELECT sum(lost) FROM host_stream WHERE host = host.id),
                 (SELECT sum(late) FROM host_stream WHERE host = host.id),
                 (SELECT sum(duplicate) FROM host_stream WHERE host = host.id)
             FROM host JOIN sample ON sample.host = host.id AND sample.taken_at =
                 (SELECT max(taken_at) FROM sample WHERE host = host.id)
             ORDER BY handle",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(HostRow {
                host: handle(row, 0)?,
                last_seen: timestamp(row, 1)?,
                sample: sample(row, 2)?,
                missing: row.get(3)?,
                lost: row.get(4)?,
                late: row.get(5)?,
                duplicate: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every host that has reported.
    pub fn handles(&self) -> Result<Vec<Handle>, SqlError> {
        let mut statement = self.0.prepare_cached("SELECT handle FROM host ORDER BY handle")?;
        let rows = statement.query_map([], |row| handle(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whole samples of a host between two moments, oldest first, thinned to about `max`.
    pub fn samples(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        max: usize,
    ) -> Result<Vec<Sample>, SqlError> {
        let Some(id) = self.id(host)? else { return Ok(Vec::new()) };
        let window = params![id, from.as_millis(), to.as_millis()];
        let count: usize = self
            .0
            .prepare_cached(
                "SELECT count(*) FROM sample WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3",
            )?
            .query_row(window, |row| row.get(0))?;
        let step = count.div_ceil(max.max(1)).max(1);
        let mut statement = self.0.prepare_cached(
            "SELECT body FROM (
                 SELECT body, row_number() OVER (ORDER BY taken_at DESC) - 1 AS place
                 FROM sample WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3)
             WHERE place % ?4 = 0 ORDER BY place DESC",
        )?;
        let (from, to) = (from.as_millis(), to.as_millis());
        let rows = statement.query_map(params![id, from, to, step], |row| sample(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn id(self, host: &Handle) -> Result<Option<i64>, SqlError> {
        Ok(self
            .0
            .prepare_cached("SELECT id FROM host WHERE handle = ?1")?
            .query_row([host.as_str()], |row| row.get(0))
            .optional()?)
    }

    fn host(self, host: &Handle, stored_at: Timestamp) -> Result<i64, SqlError> {
        Ok(self
            .0
            .prepare_cached(
                "INSERT INTO host (handle, last_seen) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)
                 RETURNING id",
            )?
            .query_row(params![host.as_str(), stored_at.as_millis()], |row| row.get(0))?)
    }

    /// A sample that came before and is numbered anew, after its probe was put back to an old copy.
    fn count_again(
        self,
        host: i64,
        stream: ContentId,
        numbered: &NumberedSample,
    ) -> Result<(), SqlError> {
        let sequence = i64::try_from(numbered.sequence).unwrap_or(i64::MAX);
        let taken_at = numbered.sample.taken_at.as_millis();
        let renumbered = self
            .0
            .prepare_cached(
                "UPDATE OR IGNORE point SET stream = ?3, sequence = ?4
                 WHERE host = ?1 AND taken_at = ?2 AND stream != ?3",
            )?
            .execute(params![host, taken_at, stream.as_bytes(), sequence])?;
        if renumbered > 0 {
            self.count(host, stream, numbered.sequence)
        } else {
            self.count_duplicate(host, stream)
        }
    }
}

pub(crate) fn sample(row: &Row<'_>, column: usize) -> rusqlite::Result<Sample> {
    let body: String = row.get(column)?;
    serde_json::from_str(&body).map_err(|error| invalid(column, error))
}

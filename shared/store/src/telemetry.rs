//! What hosts have reported.

use std::{fmt::Write as _, time::Duration};

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

/// How long whole samples are kept.
const SAMPLES: Duration = Duration::from_hours(24);
/// How long their main numbers are kept.
const POINTS: Duration = Duration::from_hours(31 * 24);

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
    /// Samples that were numbered but never came.
    pub missing: u64,
    /// The latest sample.
    pub sample: Sample,
}

/// The main numbers of a host over a stretch of time: average, minimum and maximum of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointRow {
    /// When the stretch begins.
    pub time: Timestamp,
    /// [`METRICS`], each with average, minimum and maximum.
    pub values: [Option<[f64; 3]>; METRICS.len()],
}

/// The columns of a point.
pub const METRICS: [&str; 8] = [
    "cpu_percent",
    "load_1",
    "memory_used_bytes",
    "swap_used_bytes",
    "disk_used_percent_max",
    "received_bytes_per_s",
    "sent_bytes_per_s",
    "celsius_max",
];

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
        let added = self
            .0
            .prepare_cached(
                "INSERT OR IGNORE INTO point
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                id,
                sample.taken_at.as_millis(),
                stream.as_bytes(),
                i64::try_from(numbered.sequence).unwrap_or(i64::MAX),
                sample.cpu_percent,
                sample.load_1,
                sample.memory_used_bytes.map(clamp),
                sample.swap_used_bytes.map(clamp),
                sample.disk_used_percent_max(),
                sample.received_bytes_per_s(),
                sample.sent_bytes_per_s(),
                sample.celsius_max(),
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
            .execute(params![id, sample.taken_at.as_millis(), body])?;
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
        Ok(())
    }

    /// Every host with its latest sample, by name.
    pub fn hosts(&self) -> Result<Vec<HostRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT handle, last_seen, body,
                 (SELECT coalesce(sum(max(highest - first + 1 - received, 0)), 0)
                  FROM host_stream WHERE host = host.id)
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
            })
        })?;
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

    /// Main numbers of a host between two moments, rolled up by `step`, oldest first. Stretches
    /// without a sample are absent.
    pub fn points(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> Result<Vec<PointRow>, SqlError> {
        let Some(id) = self.id(host)? else { return Ok(Vec::new()) };
        let mut columns = String::new();
        for metric in METRICS {
            // Writing to a String does not fail.
            let _ = write!(columns, ", avg({metric}), min({metric}), max({metric})");
        }
        let sql = format!(
            "SELECT taken_at / ?4 * ?4{columns} FROM point
             WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3 GROUP BY taken_at / ?4 ORDER BY 1"
        );
        let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut statement = self.0.prepare_cached(&sql)?;
        let window = params![id, from.as_millis(), to.as_millis(), step];
        let rows = statement.query_map(window, point)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets what is too old.
    pub fn prune(&self, now: Timestamp) -> Result<usize, SqlError> {
        // The latest sample stays however old it is: it is what a silent host said last.
        let samples = self.0.execute(
            "DELETE FROM sample WHERE taken_at < ?1 AND taken_at <
                 (SELECT max(taken_at) FROM sample AS latest WHERE latest.host = sample.host)",
            [now.before(SAMPLES).as_millis()],
        )?;
        let points = self
            .0
            .execute("DELETE FROM point WHERE taken_at < ?1", [now.before(POINTS).as_millis()])?;
        Ok(samples + points)
    }

    fn id(self, host: &Handle) -> Result<Option<i64>, SqlError> {
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
            self.count(host, stream, numbered.sequence)?;
        }
        Ok(())
    }

    fn count(self, host: i64, stream: ContentId, sequence: u64) -> Result<(), SqlError> {
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.0
            .prepare_cached(
                "INSERT INTO host_stream VALUES (?1, ?2, ?3, ?3, 1)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first),
                     highest = max(highest, excluded.highest), received = received + 1",
            )?
            .execute(params![host, stream.as_bytes(), sequence])?;
        Ok(())
    }
}

/// SQLite's integers are signed; no host has more than 2⁶³ bytes.
fn clamp(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn sample(row: &Row<'_>, column: usize) -> rusqlite::Result<Sample> {
    let body: String = row.get(column)?;
    serde_json::from_str(&body).map_err(|error| invalid(column, error))
}

fn point(row: &Row<'_>) -> rusqlite::Result<PointRow> {
    let mut point = PointRow { time: timestamp(row, 0)?, ..PointRow::default() };
    for (index, value) in point.values.iter_mut().enumerate() {
        let column = 1 + 3 * index;
        let average: Option<f64> = row.get(column)?;
        if let Some(average) = average {
            *value = Some([average, row.get(column + 1)?, row.get(column + 2)?]);
        }
    }
    Ok(point)
}

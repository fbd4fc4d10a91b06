//! From samples to buckets.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use rusqlite::{OptionalExtension, Row, params};
use sysmaint_protocol::{Handle, Timestamp, sample::Sample};

use super::{
    gaps::millis,
    metric::{Metric, Reading, readings},
    packed::{self, Values},
    retention::Retention,
    series::SeriesTable,
    summary::Summary,
    track::Track,
};
use crate::{
    SqlError, Telemetry,
    device_store::{handle, timestamp},
};

/// Samples in one step, which share a transaction with whoever else waits.
const SAMPLES: u32 = 256;
/// The stretch that they come from, so that they share buckets, and few neighbours are looked at.
const STRETCH: Duration = Duration::from_mins(30);
/// How long the numbers of samples are remembered: a probe sends a sample for seven days, and a
/// mailbox keeps it for thirty more.
const NUMBERS: Duration = Duration::from_hours(40 * 24);

/// The columns that points had values in, and the metrics which they were.
const FORMER: [Metric; 8] = [
    Metric::CpuPercent,
    Metric::Load1,
    Metric::MemoryUsedBytes,
    Metric::SwapUsedBytes,
    Metric::DiskUsedPercentMax,
    Metric::ReceivedBytesPerS,
    Metric::SentBytesPerS,
    Metric::CelsiusMax,
];

/// A sample that waits: whole, or what its point held.
struct Waiting {
    taken_at: Timestamp,
    sample: Option<Sample>,
    former: Vec<Reading<'static>>,
}

/// A sample's moment, and its values under the numbers of their series.
type Numbered = (Timestamp, Vec<(i64, f64)>);

/// What a step adds to the buckets of a track, by their number.
type Added = BTreeMap<u64, (u32, Values)>;

impl Telemetry<'_> {
    /// Hosts of which samples wait to be rolled up.
    pub fn waiting(&self) -> Result<Vec<Handle>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT handle FROM host
             WHERE EXISTS (SELECT 1 FROM waiting WHERE host = host.id) ORDER BY handle",
        )?;
        let rows = statement.query_map([], |row| handle(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rolls up some samples of a host, the oldest that wait. Returns how many; none if none wait.
    pub fn roll_up(
        &self,
        host: &Handle,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<usize, SqlError> {
        let Some(host) = self.id(host)? else { return Ok(0) };
        let waiting = self.oldest_waiting(host)?;
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else { return Ok(0) };
        let (first, last) = (first.taken_at, last.taken_at);
        self.find_gaps(host, (first, last), now.before(NUMBERS))?;
        let values = self.numbered(host, &waiting)?;
        for level in retention.levels() {
            let track = Track::find_or_make(self.0, host, millis(level.step))?;
            let oldest = track.number(now.before(level.kept).as_millis());
            self.add(track, &gathered(track, oldest, &values))?;
        }
        self.0
            .prepare_cached("DELETE FROM waiting WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3")?
            .execute(params![host, first.as_millis(), last.as_millis()])?;
        Ok(waiting.len())
    }

    fn oldest_waiting(self, host: i64) -> Result<Vec<Waiting>, SqlError> {
        let first: Option<u64> = self
            .0
            .prepare_cached("SELECT min(taken_at) FROM waiting WHERE host = ?1")?
            .query_row([host], |row| row.get(0))?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let columns = FORMER.map(Metric::name).join(", ");
        let sql = format!(
            "SELECT waiting.taken_at, body, {columns} FROM waiting
             LEFT JOIN sample USING (host, taken_at) LEFT JOIN point USING (host, taken_at)
             WHERE waiting.host = ?1 AND waiting.taken_at >= ?2 AND waiting.taken_at < ?3
             ORDER BY waiting.taken_at LIMIT ?4"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let end = first.saturating_add(millis(STRETCH));
        let rows = statement.query_map(params![host, first, end, SAMPLES], waiting)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The values of samples under the numbers of their series.
    fn numbered(self, host: i64, waiting: &[Waiting]) -> Result<Vec<Numbered>, SqlError> {
        let mut series = SeriesTable::load(self.0, host)?;
        let mut all = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            let whole = waiting.sample.as_ref().map(readings);
            let mut values = Vec::new();
            for reading in whole.as_ref().unwrap_or(&waiting.former) {
                if let Some(id) = series.id(reading, waiting.taken_at)? {
                    values.push((id, reading.value));
                }
            }
            all.push((waiting.taken_at, values));
        }
        Ok(all)
    }

    fn add(self, track: Track, added: &Added) -> Result<(), SqlError> {
        for (number, (count, values)) in added {
            let row = track.row(*number);
            let known: Option<(u32, Vec<u8>)> = self
                .0
                .prepare_cached("SELECT samples, body FROM bucket WHERE id = ?1")?
                .query_row([row], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (mut count, mut values) = (*count, values.clone());
            if let Some((known, body)) = known {
                packed::unpack(&body, known, |series, summary| {
                    add(&mut values, series, summary);
                    ControlFlow::Continue(())
                });
                count = count.saturating_add(known);
            }
            self.0
                .prepare_cached("INSERT OR REPLACE INTO bucket VALUES (?1, ?2, ?3)")?
                .execute(params![row, count, packed::pack(&values, count)])?;
        }
        Ok(())
    }

    /// Forgets what is too old. What is not rolled up yet stays whatever its age.
    pub fn prune(&self, now: Timestamp, retention: &Retention) -> Result<usize, SqlError> {
        // The latest sample stays however old it is: it is what a silent host said last.
        let mut forgotten = self.0.execute(
            "DELETE FROM sample WHERE taken_at < ?1
             AND taken_at < (SELECT max(taken_at) FROM sample AS latest WHERE latest.host = sample.host)
             AND NOT EXISTS (SELECT 1 FROM waiting
                 WHERE waiting.host = sample.host AND waiting.taken_at = sample.taken_at)",
            [now.before(retention.whole()).as_millis()],
        )?;
        forgotten += self.0.execute(
            "DELETE FROM point WHERE taken_at < ?1 AND NOT EXISTS (SELECT 1 FROM waiting
                 WHERE waiting.host = point.host AND waiting.taken_at = point.taken_at)",
            [now.before(NUMBERS).as_millis()],
        )?;
        let oldest = now.before(retention.longest()).as_millis();
        forgotten += self.0.execute("DELETE FROM gap WHERE until < ?1", [oldest])?;
        // Its last day may have begun before and ended after that moment.
        let day = oldest.saturating_sub(millis(Duration::from_hours(24)));
        forgotten += self.0.execute("DELETE FROM series WHERE last < ?1", [day])?;
        for host in self.host_ids()? {
            for track in Track::all(self.0, host)? {
                forgotten += self.prune_track(track, now, retention)?;
            }
        }
        Ok(forgotten)
    }

    fn prune_track(
        self,
        track: Track,
        now: Timestamp,
        retention: &Retention,
    ) -> Result<usize, SqlError> {
        let mut levels = retention.levels().iter();
        let Some(level) = levels.find(|level| millis(level.step) == track.step) else {
            return track.forget(self.0, None);
        };
        let oldest = track.number(now.before(level.kept).as_millis());
        let Some(before) = oldest.checked_sub(1) else { return Ok(0) };
        track.forget(self.0, Some(before))
    }

    fn host_ids(self) -> Result<Vec<i64>, SqlError> {
        let mut statement = self.0.prepare_cached("SELECT id FROM host")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let body: Option<String> = row.get(1)?;
    let mut former = Vec::new();
    for (index, metric) in FORMER.into_iter().enumerate() {
        let value: Option<f64> = row.get(2 + index)?;
        former.extend(value.map(|value| Reading { metric, label: "".into(), value }));
    }
    let sample = body.and_then(|body| serde_json::from_str(&body).ok());
    Ok(Waiting { taken_at: timestamp(row, 0)?, sample, former })
}

/// What falls into each bucket of a track, from the bucket `oldest` on.
fn gathered(track: Track, oldest: u64, samples: &[Numbered]) -> Added {
    let mut added = Added::new();
    for (taken_at, values) in samples {
        let number = track.number(taken_at.as_millis());
        if number < oldest {
            continue;
        }
        let (count, bucket) = added.entry(number).or_default();
        *count += 1;
        for (series, value) in values {
            add(bucket, *series, Summary::one(*value));
        }
    }
    added
}

fn add(values: &mut Values, series: i64, summary: Summary) {
    values.entry(series).and_modify(|known| known.add(&summary)).or_insert(summary);
}

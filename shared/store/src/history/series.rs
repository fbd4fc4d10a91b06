//! The names under which a host's values are kept.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use sysmaint_protocol::Timestamp;

use super::metric::{Metric, Reading};
use crate::SqlError;

/// Series of a host. Labels are its own words, so it could make ever more of them.
pub(super) const SERIES_MAX: usize = 512;
/// Beyond that, a new series takes the place of one that has been silent for so long, in
/// milliseconds.
const SILENT: u64 = 7 * DAY;
const DAY: u64 = 24 * 3600 * 1000;

/// A host's series, as they stand.
pub(super) struct SeriesTable<'a> {
    connection: &'a Connection,
    host: i64,
    known: HashMap<Metric, HashMap<String, Known>>,
    count: usize,
}

struct Known {
    id: i64,
    last: u64,
}

impl<'a> SeriesTable<'a> {
    pub(super) fn load(connection: &'a Connection, host: i64) -> Result<Self, SqlError> {
        let mut table = Self { connection, host, known: HashMap::new(), count: 0 };
        let mut statement = connection
            .prepare_cached("SELECT id, metric, label, last FROM series WHERE host = ?1")?;
        let mut rows = statement.query([host])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            // A later program may know more metrics.
            let Ok(metric) = name.parse() else { continue };
            let known = Known { id: row.get(0)?, last: row.get(3)? };
            table.known.entry(metric).or_default().insert(row.get(2)?, known);
            table.count += 1;
        }
        Ok(table)
    }

    /// Every series with its number.
    pub(super) fn all(&self) -> impl Iterator<Item = (i64, Metric, &str)> {
        self.known.iter().flat_map(|(metric, labels)| {
            labels.iter().map(|(label, known)| (known.id, *metric, label.as_str()))
        })
    }

    /// The number under which a value of this moment is kept; none if the host has too many.
    pub(super) fn id(
        &mut self,
        reading: &Reading<'_>,
        taken_at: Timestamp,
    ) -> Result<Option<i64>, SqlError> {
        let day = taken_at.as_millis() / DAY * DAY;
        let labels = self.known.entry(reading.metric).or_default();
        if let Some(known) = labels.get_mut(&*reading.label) {
            if known.last < day {
                known.last = day;
                self.connection
                    .prepare_cached("UPDATE series SET last = ?2 WHERE id = ?1")?
                    .execute(params![known.id, day])?;
            }
            return Ok(Some(known.id));
        }
        if self.count >= SERIES_MAX && !self.make_room(day)? {
            return Ok(None);
        }
        self.add(reading, day).map(Some)
    }

    fn add(&mut self, reading: &Reading<'_>, day: u64) -> Result<i64, SqlError> {
        self.connection
            .prepare_cached(
                "INSERT INTO series (host, metric, label, last) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![self.host, reading.metric.name(), reading.label, day])?;
        let id = self.connection.last_insert_rowid();
        let labels = self.known.entry(reading.metric).or_default();
        labels.insert(reading.label.clone().into_owned(), Known { id, last: day });
        self.count += 1;
        Ok(id)
    }

    /// Forgets the series that has been silent for longest, if that is long enough.
    fn make_room(&mut self, day: u64) -> Result<bool, SqlError> {
        let all = self.known.iter().flat_map(|(metric, labels)| {
            labels.iter().map(move |(label, known)| (known.last, known.id, *metric, label.clone()))
        });
        let Some((last, id, metric, label)) = all.min() else { return Ok(false) };
        if last + SILENT > day {
            return Ok(false);
        }
        self.connection.prepare_cached("DELETE FROM series WHERE id = ?1")?.execute([id])?;
        if let Some(labels) = self.known.get_mut(&metric) {
            labels.remove(&label);
        }
        self.count -= 1;
        Ok(true)
    }
}

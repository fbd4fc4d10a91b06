//! A window in whole samples.

use std::time::Duration;

use rusqlite::params;
use sysmaint_protocol::Timestamp;

use super::{
    gaps::Gap,
    metric::readings,
    query::{History, Lines},
};
use crate::{SqlError, Telemetry, telemetry::sample};

impl Telemetry<'_> {
    /// Each sample is a point, and a gap is a point without values.
    pub(super) fn whole(
        self,
        host: i64,
        (from, to): (Timestamp, Timestamp),
        interval: Duration,
        mut lines: Lines<'_>,
        gaps: Vec<Gap>,
    ) -> Result<History, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT body FROM sample WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3
             ORDER BY taken_at",
        )?;
        let window = params![host, from.as_millis(), to.as_millis()];
        let mut times: Vec<Timestamp> = Vec::new();
        for sample in statement.query_map(window, |row| sample(row, 0))? {
            let sample = sample?;
            if let Some(before) = times.last().copied()
                && Gap::between(before, sample.taken_at, interval).is_some()
            {
                times.push(before.after(interval));
            }
            lines.add_all(times.len(), &readings(&sample));
            times.push(sample.taken_at);
        }
        let series = lines.finish(times.len());
        Ok(History { step: interval, rolled_up: false, times, series, gaps })
    }
}

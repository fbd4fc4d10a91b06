//! A window in buckets.

use std::{ops::ControlFlow, time::Duration};

use rusqlite::params;
use sysmaint_protocol::Timestamp;

use super::{
    gaps::Gap,
    metric::readings,
    packed,
    query::{History, Lines, POINTS_MAX},
    series::SeriesTable,
    track::Track,
};
use crate::{SqlError, Telemetry, telemetry::sample};

impl Telemetry<'_> {
    /// Each point is `factor` buckets, from that which holds the beginning to that of the end.
    pub(super) fn rolled(
        self,
        host: i64,
        (from, to): (Timestamp, Timestamp),
        track: Track,
        factor: u64,
        mut lines: Lines<'_>,
        gaps: Vec<Gap>,
    ) -> Result<History, SqlError> {
        let step = track.step.saturating_mul(factor);
        let (first, last) = (from.as_millis() / step, to.as_millis() / step);
        let times: Vec<_> =
            (first..=last).map(|point| Timestamp::from_millis(point * step)).collect();
        let point = |millis: u64| usize::try_from((millis / step).saturating_sub(first)).ok();
        let mut places = self.places(host, &mut lines)?;
        places.sort_unstable();
        let mut statement = self
            .0
            .prepare_cached("SELECT id, samples, body FROM bucket WHERE id BETWEEN ?1 AND ?2")?;
        let end = last.saturating_mul(factor).saturating_add(factor - 1);
        let mut rows = statement.query([track.row(first * factor), track.row(end)])?;
        while let Some(row) = rows.next()? {
            let number = Track::number_of(row.get(0)?);
            let Some(point) = point(number.saturating_mul(track.step)) else { continue };
            let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let mut wanted = places.as_slice();
            packed::unpack(body, row.get(1)?, |series, summary| {
                while let Some(((id, place), rest)) = wanted.split_first()
                    && *id <= series
                {
                    wanted = rest;
                    if *id == series {
                        lines.add(*place, point, summary);
                    }
                }
                if wanted.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        let window = (first * step, last.saturating_mul(step).saturating_add(step - 1));
        self.add_waiting(host, window, point, &mut lines)?;
        let series = lines.finish(times.len());
        Ok(History { step: Duration::from_millis(step), rolled_up: true, times, series, gaps })
    }

    /// The numbers of the series that are asked for, with their places.
    fn places(self, host: i64, lines: &mut Lines<'_>) -> Result<Vec<(i64, usize)>, SqlError> {
        let table = SeriesTable::load(self.0, host)?;
        let place = |(id, metric, label)| Some((id, lines.place(metric, label)?));
        Ok(table.all().filter_map(place).collect())
    }

    /// What came of late and is not in the buckets yet.
    fn add_waiting(
        self,
        host: i64,
        (from, to): (u64, u64),
        point: impl Fn(u64) -> Option<usize>,
        lines: &mut Lines<'_>,
    ) -> Result<(), SqlError> {
        // CROSS: from the few that wait to their samples, never the other way round.
        let mut statement = self.0.prepare_cached(
            "SELECT body FROM waiting CROSS JOIN sample USING (host, taken_at)
             WHERE waiting.host = ?1 AND waiting.taken_at BETWEEN ?2 AND ?3
             ORDER BY waiting.taken_at DESC LIMIT ?4",
        )?;
        let window = params![host, from, to, POINTS_MAX];
        for sample in statement.query_map(window, |row| sample(row, 0))? {
            let sample = sample?;
            if let Some(point) = point(sample.taken_at.as_millis()) {
                lines.add_all(point, &readings(&sample));
            }
        }
        Ok(())
    }
}

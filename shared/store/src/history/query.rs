//! A window of a host's history, as a chart needs it.

use std::{collections::HashMap, time::Duration};

use sysmaint_protocol::{Handle, Timestamp};

use super::{
    gaps::{Gap, millis},
    metric::{Metric, Reading},
    summary::Summary,
    track::Track,
};
use crate::{SqlError, Telemetry};

/// Points of a series in one answer: about a thousand.
pub const POINTS_MAX: u64 = 1100;
/// Buckets that are read for one answer where a coarser level would do. Each is most of a page to
/// decrypt: 4000 of them took more than 20 ms.
const BUCKETS_MAX: u64 = 1500;

/// How a host's numbers developed.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// From one point to the next; for whole samples, the host's interval.
    pub step: Duration,
    /// Whether a point sums up several samples.
    pub rolled_up: bool,
    /// When each point is, or begins.
    pub times: Vec<Timestamp>,
    /// What was measured; only what has a value in the window.
    pub series: Vec<Series>,
    /// Where samples are missing.
    pub gaps: Vec<Gap>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What was measured.
    pub metric: Metric,
    /// Of which part; empty where the metric has none.
    pub label: String,
    /// A value for each of the times; none where nothing was measured.
    pub values: Vec<Option<Summary>>,
}

/// Series that are being read, each with as many values as there are points.
pub(super) struct Lines<'a> {
    metrics: &'a [Metric],
    places: HashMap<Metric, HashMap<String, usize>>,
    series: Vec<Series>,
}

impl Telemetry<'_> {
    /// What a host reported between two moments, of some metrics or, without any, of all: from the
    /// finest level that still has it all in about a thousand points. None if the host is unknown.
    pub fn history(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        metrics: &[Metric],
    ) -> Result<Option<History>, SqlError> {
        let Some(host) = self.id(host)? else { return Ok(None) };
        let interval = self.interval(host, to)?;
        let gaps = self.gaps(host, from, to)?;
        let lines = Lines::new(metrics);
        if self.whole_samples_do(host, from, to)? {
            return self.whole(host, (from, to), interval, lines, gaps).map(Some);
        }
        let Some((track, factor)) = self.track(host, from, to, interval)? else {
            return Ok(Some(History {
                step: interval,
                rolled_up: false,
                times: Vec::new(),
                series: Vec::new(),
                gaps,
            }));
        };
        self.rolled(host, (from, to), track, factor, lines, gaps).map(Some)
    }

    /// Whether every sample of a window is still there whole, and they are not too many.
    fn whole_samples_do(self, host: i64, from: Timestamp, to: Timestamp) -> Result<bool, SqlError> {
        let count = |table| -> Result<u64, SqlError> {
            let sql = format!(
                "SELECT count(*) FROM (SELECT 1 FROM {table}
                 WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3 LIMIT ?4)"
            );
            let window = (host, from.as_millis(), to.as_millis(), POINTS_MAX.saturating_add(1));
            Ok(self.0.prepare_cached(&sql)?.query_row(window, |row| row.get(0))?)
        };
        let whole = count("sample")?;
        Ok((1..=POINTS_MAX).contains(&whole) && count("point")? == whole)
    }

    /// The finest track that reaches back far enough, and how many of its buckets make a point.
    fn track(
        self,
        host: i64,
        from: Timestamp,
        to: Timestamp,
        interval: Duration,
    ) -> Result<Option<(Track, u64)>, SqlError> {
        let tracks = Track::all(self.0, host)?;
        let mut begins = Vec::new();
        for track in &tracks {
            let first = track.first(self.0)?;
            begins.push(first.map(|number| number.saturating_mul(track.step)));
        }
        // A track that begins within the first bucket of the coarsest has lost nothing.
        let coarsest = tracks.last().zip(begins.last().copied().flatten());
        let whole = coarsest.map_or(0, |(track, begin)| begin.saturating_add(track.step));
        let start = from.as_millis().max(whole);
        let span = millis(to.since(from));
        let mut chosen = None;
        for (track, begin) in tracks.iter().zip(begins) {
            let reaches = begin.is_some_and(|begin| begin <= start);
            if reaches && chosen.is_none_or(|finer: Track| span / finer.step > BUCKETS_MAX) {
                chosen = Some(*track);
            }
        }
        Ok(chosen.map(|track| {
            let few = span.div_ceil(track.step.saturating_mul(POINTS_MAX - 2)).max(1);
            // A point shorter than two intervals could be empty without anything missing.
            let full = millis(interval).saturating_mul(2).div_ceil(track.step);
            (track, few.max(full))
        }))
    }
}

impl<'a> Lines<'a> {
    fn new(metrics: &'a [Metric]) -> Self {
        Self { metrics, places: HashMap::new(), series: Vec::new() }
    }

    /// The place of a series, if it is asked for.
    pub(super) fn place(&mut self, metric: Metric, label: &str) -> Option<usize> {
        if !self.metrics.is_empty() && !self.metrics.contains(&metric) {
            return None;
        }
        let labels = self.places.entry(metric).or_default();
        if let Some(place) = labels.get(label) {
            return Some(*place);
        }
        let place = self.series.len();
        labels.insert(label.to_owned(), place);
        self.series.push(Series { metric, label: label.to_owned(), values: Vec::new() });
        Some(place)
    }

    /// Adds to a point of a series.
    pub(super) fn add(&mut self, place: usize, point: usize, summary: Summary) {
        let Some(series) = self.series.get_mut(place) else { return };
        if series.values.len() <= point {
            series.values.resize(point + 1, None);
        }
        match &mut series.values[point] {
            Some(known) => known.add(&summary),
            value @ None => *value = Some(summary),
        }
    }

    /// Adds a sample to a point.
    pub(super) fn add_all(&mut self, point: usize, readings: &[Reading<'_>]) {
        for reading in readings {
            if let Some(place) = self.place(reading.metric, &reading.label) {
                self.add(place, point, Summary::one(reading.value));
            }
        }
    }

    /// The series that have values, in the order of charts, each as long as the times.
    pub(super) fn finish(mut self, points: usize) -> Vec<Series> {
        self.series.retain(|series| !series.values.is_empty());
        for series in &mut self.series {
            series.values.resize(points, None);
        }
        // Cores are numbers, and the tenth comes after the second.
        let order = |series: &Series| {
            (series.metric, series.label.parse::<u32>().ok(), series.label.clone())
        };
        self.series.sort_by_cached_key(order);
        self.series
    }
}

//! One metric's course: its values, and the same on an even grid, free of what comes back
//! regularly.

use std::time::Duration;

use sysmaint_protocol::{Timestamp, sample::Sample};

use super::{
    robust::{Usual, median},
    season::Season,
};
use crate::metric::Metric;

/// Cells of a grid at most. The newest samples lie closer than the older ones; in a grid each
/// stretch of time counts the same.
const CELLS_MAX: usize = 720;

/// A metric's values, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Course {
    values: Vec<(Timestamp, f64)>,
    start: Timestamp,
    cell: Duration,
    /// Medians of the cells; a cell without a value repeats the one before it.
    grid: Vec<f64>,
    season: Option<Season>,
    usual: Usual,
}

impl Course {
    /// The course of a metric; absent where too few samples know it. `noise` is the least spread
    /// that counts.
    pub(super) fn of(metric: Metric, samples: &[Sample], noise: f64) -> Option<Self> {
        let value = |sample: &Sample| Some((sample.taken_at, metric.value(sample)?));
        let values: Vec<_> = samples.iter().filter_map(value).collect();
        let (start, end) = (values.first()?.0, values.last()?.0);
        let span = end.since(start);
        if values.len() < super::SAMPLES_MIN || span < super::SPAN_MIN {
            return None;
        }
        let cell = cell(&values, span);
        let grid = grid(&values, start, cell);
        let usual = Usual::of(&grid, noise)?;
        Some(Self { values, start, cell, grid, season: None, usual })
    }

    /// The same course with what comes back regularly known; absent where nothing does.
    pub(super) fn with_season(mut self, noise: f64) -> Option<Self> {
        let season = Season::of(&self.grid, noise)?;
        self.usual.spread = season.spread;
        self.season = Some(season);
        Some(self)
    }

    /// The values, oldest first.
    pub(super) fn values(&self) -> &[(Timestamp, f64)] {
        &self.values
    }

    /// What is usual over the whole course.
    pub(super) fn usual(&self) -> Usual {
        self.usual
    }

    /// The highest that is usual at a moment.
    pub(super) fn expected(&self, at: Timestamp) -> f64 {
        match &self.season {
            Some(season) => season.highest_near(self.index(at)),
            None => self.usual.median,
        }
    }

    /// The grid without what comes back regularly, and the time from one cell to the next.
    pub(super) fn level(&self) -> Vec<f64> {
        match &self.season {
            Some(season) => season.removed_from(&self.grid, self.usual.median),
            None => self.grid.clone(),
        }
    }

    /// When a cell begins.
    pub(super) fn moment(&self, index: usize) -> Timestamp {
        self.start.after(self.cell.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// How many cells a span takes, at least one.
    pub(super) fn cells(&self, span: Duration) -> usize {
        let cells = span.as_millis().div_ceil(self.cell.as_millis().max(1));
        usize::try_from(cells).unwrap_or(usize::MAX).max(1)
    }

    fn index(&self, at: Timestamp) -> usize {
        index(at, self.start, self.cell)
    }
}

/// The usual step between two values, but so that there are not too many cells.
fn cell(values: &[(Timestamp, f64)], span: Duration) -> Duration {
    let steps: Vec<_> =
        values.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_secs_f64()).collect();
    let step = Duration::from_secs_f64(median(&steps).unwrap_or_default());
    let fewest = span / u32::try_from(CELLS_MAX).unwrap_or(u32::MAX);
    step.max(fewest).max(Duration::from_secs(1))
}

fn index(at: Timestamp, start: Timestamp, cell: Duration) -> usize {
    let index = at.since(start).as_millis() / cell.as_millis().max(1);
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn grid(values: &[(Timestamp, f64)], start: Timestamp, cell: Duration) -> Vec<f64> {
    let mut grid: Vec<f64> = Vec::new();
    for together in
        values.chunk_by(|one, other| index(one.0, start, cell) == index(other.0, start, cell))
    {
        let inside: Vec<_> = together.iter().map(|(_, value)| *value).collect();
        let (Some(first), Some(value)) = (together.first(), median(&inside)) else { continue };
        let place = index(first.0, start, cell);
        let before = grid.last().copied().unwrap_or(value);
        grid.resize(place.max(grid.len()), before);
        grid.push(value);
    }
    grid
}

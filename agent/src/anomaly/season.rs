//! What comes back regularly, such as a job of every hour: it is usual, however high it goes.

use augurs_seasons::PeriodogramDetector;

use super::robust::{MAD_TO_DEVIATION, median};

/// Times that something must have come back.
const CYCLES_MIN: usize = 4;

/// Cells of a cycle at least: below that, a season cannot be told from noise.
const PERIOD_MIN: usize = 4;

/// Peaks of the periodogram, relative to the highest, that are looked into.
const PEAK_MIN: f64 = 0.3;

/// Candidates that are looked into.
const CANDIDATES_MAX: usize = 4;

/// A season must leave no more than this share of all squared deviation from the median.
const LEFT_MAX: f64 = 0.5;

/// A shorter cycle is preferred if it explains this share of what the best one does: twice a cycle
/// explains as much as the cycle itself.
const AS_GOOD: f64 = 0.95;

/// A course that repeats itself.
#[derive(Clone, Debug)]
pub(super) struct Season {
    cycle: Cycle,
    /// The median of each phase.
    profile: Vec<f64>,
    /// The usual distance of a value from its phase's median.
    pub(super) spread: f64,
}

impl Season {
    /// The season of an even course; absent where none explains it. `noise` is the least spread
    /// that counts.
    pub(super) fn of(grid: &[f64], noise: f64) -> Option<Self> {
        let middle = median(grid)?;
        let flat = deviation(grid, |_| middle);
        if grid.len() < PERIOD_MIN * CYCLES_MIN || flat <= noise * noise {
            return None;
        }
        let cycle = cycle(grid)?;
        let profile = profile(grid, cycle)?;
        let expected = |index| at(&profile, cycle.phase(index));
        if deviation(grid, expected) > flat * LEFT_MAX {
            return None;
        }
        let distances: Vec<_> =
            (0..).zip(grid).map(|(index, value)| (value - expected(index)).abs()).collect();
        let spread = (median(&distances)? * MAD_TO_DEVIATION).max(noise);
        Some(Self { cycle, profile, spread })
    }

    /// The highest of a phase and its neighbours: what comes back does not come back to the second.
    pub(super) fn highest_near(&self, index: usize) -> f64 {
        let phase = self.cycle.phase(index);
        let before = phase + self.profile.len() - 1;
        [before, phase, phase + 1]
            .into_iter()
            .map(|phase| at(&self.profile, phase))
            .fold(f64::MIN, f64::max)
    }

    /// The course with the season taken out, about `middle`.
    pub(super) fn removed_from(&self, grid: &[f64], middle: f64) -> Vec<f64> {
        let expected = |index| at(&self.profile, self.cycle.phase(index));
        (0..).zip(grid).map(|(index, value)| value - expected(index) + middle).collect()
    }
}

fn at(profile: &[f64], phase: usize) -> f64 {
    profile.get(phase % profile.len().max(1)).copied().unwrap_or_default()
}

/// How long it takes until something comes back, in cells, of which it need not fill whole ones.
#[derive(Clone, Copy, Debug)]
struct Cycle(f64);

impl Cycle {
    /// Phases that are told apart.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred")]
    fn phases(self) -> usize {
        (self.0.round() as usize).max(1)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "some hundred"
    )]
    fn phase(self, index: usize) -> usize {
        let share = (index as f64 / self.0).fract();
        ((share * self.phases() as f64) as usize).min(self.phases() - 1)
    }
}

/// The shortest cycle that explains nearly as much as the best.
fn cycle(grid: &[f64]) -> Option<Cycle> {
    let explained: Vec<_> =
        candidates(grid).into_iter().map(|cycle| (cycle, explained(grid, cycle))).collect();
    let best = explained.iter().map(|(_, explained)| *explained).max_by(f64::total_cmp)?;
    let good = explained.into_iter().filter(|(_, explained)| *explained >= best * AS_GOOD);
    // Among those of about one length, the best.
    let shortest = good.clone().map(|(cycle, _)| cycle.0).min_by(f64::total_cmp)?;
    let alike = good.filter(|(cycle, _)| cycle.0 < shortest * 1.2);
    alike.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(cycle, _)| cycle)
}

/// Cycles about the peaks of the periodogram, which is coarse where cycles are long, so finely
/// that the last cycle of the course still falls on the first.
#[expect(clippy::cast_precision_loss, reason = "some hundred cells")]
fn candidates(grid: &[f64]) -> Vec<Cycle> {
    let longest = grid.len() / CYCLES_MIN;
    let Ok(max_period) = u32::try_from(longest + 1) else { return Vec::new() };
    let periodogram =
        PeriodogramDetector::builder().max_period(max_period).build().periodogram(grid);
    let mut peaks: Vec<_> = periodogram.peaks(PEAK_MIN).collect();
    peaks.reverse();
    let mut candidates = Vec::new();
    for peak in peaks.iter().take(CANDIDATES_MAX) {
        let period = f64::from(peak.period);
        let reach = |other: u32| if other == 0 { period * 1.2 } else { f64::from(other) };
        let ends = [reach(peak.prev_period), reach(peak.next_period)];
        let low = ends[0].min(ends[1]).min(period).max(PERIOD_MIN as f64);
        let high = ends[0].max(ends[1]).max(period).min(longest as f64);
        let mut length = low;
        while length <= high {
            candidates.push(Cycle(length));
            length += 0.5 * length / grid.len() as f64;
        }
    }
    candidates
}

/// How much of the course's variance lies between phases rather than within them, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "some hundred cells")]
fn explained(grid: &[f64], cycle: Cycle) -> f64 {
    let mean = grid.iter().sum::<f64>() / grid.len() as f64;
    let mut phases = vec![(0.0, 0.0); cycle.phases()];
    for (index, value) in grid.iter().enumerate() {
        if let Some((sum, count)) = phases.get_mut(cycle.phase(index)) {
            *sum += value - mean;
            *count += 1.0;
        }
    }
    let between: f64 = phases.iter().map(|(sum, count)| sum * sum / f64::max(*count, 1.0)).sum();
    let total: f64 = grid.iter().map(|value| (value - mean).powi(2)).sum();
    if total > 0.0 { between / total } else { 0.0 }
}

/// The median of each phase.
fn profile(grid: &[f64], cycle: Cycle) -> Option<Vec<f64>> {
    let mut phases = vec![Vec::new(); cycle.phases()];
    for (index, value) in grid.iter().enumerate() {
        phases.get_mut(cycle.phase(index))?.push(*value);
    }
    phases.iter().map(|values| median(values)).collect()
}

/// The mean squared distance from what is expected: what comes back high and short weighs more
/// than what wavers all the time.
#[expect(clippy::cast_precision_loss, reason = "some hundred cells")]
fn deviation(grid: &[f64], expected: impl Fn(usize) -> f64) -> f64 {
    let sum: f64 = (0..).zip(grid).map(|(index, value)| (value - expected(index)).powi(2)).sum();
    sum / grid.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::made::noise;

    fn hourly(seed: u64) -> Vec<f64> {
        (0..720)
            .map(|index| if index % 30 < 4 { 70.0 } else { 10.0 } + 3.0 * noise(seed, index))
            .collect()
    }

    #[test]
    fn a_job_of_every_hour_is_a_season() {
        for seed in 0..20 {
            let season = Season::of(&hourly(seed), 2.0).unwrap();
            assert!(
                season.profile.len().is_multiple_of(30),
                "seed {seed}: {}",
                season.profile.len()
            );
            assert!(season.highest_near(4) > 60.0 && season.highest_near(15) < 20.0);
        }
    }

    #[test]
    fn a_cycle_need_not_fill_whole_cells() {
        for (seed, length) in [(1, 27.69), (2, 13.3), (3, 55.38), (4, 99.5)] {
            let job =
                |index: u32| if (f64::from(index) / length).fract() < 0.12 { 80.0 } else { 10.0 };
            let grid: Vec<_> =
                (0..665).map(|index| job(index) + 3.0 * noise(seed, u64::from(index))).collect();
            let season = Season::of(&grid, 2.0).unwrap();
            assert!((season.cycle.0 / length - 1.0).abs() < 0.01, "{length}: {:?}", season.cycle);
        }
    }

    #[test]
    fn noise_and_single_events_are_no_season() {
        for seed in 0..50 {
            let noisy: Vec<_> = (0..720).map(|index| 20.0 + 15.0 * noise(seed, index)).collect();
            assert!(Season::of(&noisy, 2.0).is_none(), "seed {seed}");
            let once: Vec<_> = (0..720)
                .map(
                    |index| {
                        if (400..460).contains(&index) { 90.0 } else { 10.0 + noise(seed, index) }
                    },
                )
                .collect();
            assert!(Season::of(&once, 2.0).is_none(), "seed {seed}");
        }
    }

    #[test]
    fn an_event_in_a_season_does_not_become_usual() {
        let mut grid = hourly(7);
        for value in &mut grid[700..] {
            *value = 95.0;
        }
        let season = Season::of(&grid, 2.0).unwrap();
        assert!(season.highest_near(710) < 20.0);
    }

    #[test]
    fn too_short_a_course_has_no_season() {
        assert!(Season::of(&[1.0, 9.0, 1.0, 9.0, 1.0, 9.0], 0.1).is_none());
        assert!(Season::of(&[], 0.1).is_none());
    }
}

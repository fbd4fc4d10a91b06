//! Several ways to do the same, measured in turn.

use std::{fmt, time::Duration};

use criterion::{Criterion, SamplingMode};

/// Of each contender, after the warm-up.
const SAMPLES: usize = 15;

type Run<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// What is measured, and the bounds it is compared with.
pub(crate) struct Contest<'a> {
    name: &'a str,
    ours: Contender<'a>,
    bounds: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: &'a str,
    run: Run<'a>,
    /// How often, and how long that took.
    samples: Vec<(u64, Duration)>,
}

/// Seconds for one, over all samples.
#[derive(Clone, Copy)]
struct Cost {
    median: f64,
    least: f64,
}

/// Our cost and a bound's.
pub(crate) struct Ratio {
    name: String,
    bound: String,
    ours: Cost,
    theirs: Cost,
}

impl<'a> Contest<'a> {
    /// Measures this. `run` does it as often as it is told, and says how long that took.
    pub(crate) fn new(name: &'a str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, ours: Contender::new(name, run), bounds: Vec::new() }
    }

    /// Beside this.
    pub(crate) fn against(mut self, name: &'a str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        self.bounds.push(Contender::new(name, run));
        self
    }

    /// Lets criterion choose how often; each of its samples takes all contenders in turn.
    pub(crate) fn hold(mut self, criterion: &mut Criterion) -> Vec<Ratio> {
        let mut group = criterion.benchmark_group("ratios");
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(SAMPLES)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        let (ours, bounds) = (&mut self.ours, &mut self.bounds);
        group.bench_function(self.name, |bencher| {
            bencher.iter_custom(|count| {
                for bound in bounds.iter_mut() {
                    bound.sample(count);
                }
                ours.sample(count)
            });
        });
        group.finish();
        self.ratios()
    }

    fn ratios(self) -> Vec<Ratio> {
        let Self { name, ours, bounds } = self;
        // A filter on the command line may have left this out.
        let Some(ours) = ours.cost() else { return Vec::new() };
        let ratio = |bound: Contender<'_>| {
            let (name, theirs) = (name.to_owned(), bound.cost()?);
            Some(Ratio { name, bound: bound.name.to_owned(), ours, theirs })
        };
        bounds.into_iter().filter_map(ratio).collect()
    }
}

impl<'a> Contender<'a> {
    fn new(name: &'a str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, run: Box::new(run), samples: Vec::new() }
    }

    fn sample(&mut self, count: u64) -> Duration {
        let took = (self.run)(count);
        self.samples.push((count, took));
        took
    }

    /// Without the warm-up.
    fn cost(&self) -> Option<Cost> {
        let samples = self.samples.iter().rev().take(SAMPLES);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let costs = samples.map(|(count, took)| took.as_secs_f64() / *count as f64);
        let mut costs: Vec<f64> = costs.collect();
        costs.sort_by(f64::total_cmp);
        Some(Cost { median: *costs.get(costs.len() / 2)?, least: *costs.first()? })
    }
}

impl Ratio {
    /// From times of single occurrences: the median, or any other share of them.
    pub(crate) fn at(
        name: &str,
        bound: &str,
        share: f64,
        ours: &[Duration],
        theirs: &[Duration],
    ) -> Self {
        let cost = |times| Cost { median: quantile(times, share), least: quantile(times, 0.0) };
        Self { name: name.into(), bound: bound.into(), ours: cost(ours), theirs: cost(theirs) }
    }
}

/// Seconds that this share of the times stays below.
fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index among a few thousand"
    )]
    let index = ((times.len() - 1) as f64 * share).round() as usize;
    times[index].as_secs_f64()
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bound, ours, theirs } = self;
        write!(
            formatter,
            "ratio: {name} / {bound} = {:.2} (at best {:.2}; {:.0} µs against {:.0} µs)",
            ours.median / theirs.median,
            ours.least / theirs.least,
            ours.median * 1e6,
            theirs.median * 1e6,
        )
    }
}

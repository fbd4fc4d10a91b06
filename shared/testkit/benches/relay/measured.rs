//! Times of many, and what is said of them.

use std::{fmt, time::Duration};

/// One round.
pub(crate) struct Round {
    pub(crate) took: Duration,
    pub(crate) each: Vec<Duration>,
}

/// Several rounds of the same.
#[derive(Default)]
pub(crate) struct Measured(Vec<Round>);

impl Measured {
    pub(crate) fn add(&mut self, round: Round) {
        self.0.push(round);
    }

    /// How many in a second: the median of the rounds.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    pub(crate) fn per_second(&self) -> f64 {
        let rates = self.0.iter().map(|round| round.each.len() as f64 / round.took.as_secs_f64());
        median(rates.collect())
    }

    /// Milliseconds that this share stays below: the median of the rounds.
    pub(crate) fn within_ms(&self, share: f64) -> f64 {
        median(self.0.iter().map(|round| quantile(&round.each, share) * 1e3).collect())
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            self.per_second(),
            self.within_ms(0.5),
            self.within_ms(0.99)
        )
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
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

//! Runs of values beyond a limit, with a minimum duration and a lower limit at which they end, so
//! that a value that wavers about a limit is one run and not many.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

/// How long a value must stay beyond a limit before it counts, and below before it no longer does.
pub(super) const HOLD: Duration = Duration::from_mins(1);

/// When a run begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    /// It begins at this value.
    pub(super) enter: f64,
    /// It ends below this value, which is lower.
    pub(super) leave: f64,
}

/// Since when the run lasts that is still on at the last of `values`, which are oldest first.
pub(super) fn lasting(
    values: impl Iterator<Item = (Timestamp, f64)>,
    band: Band,
) -> Option<Timestamp> {
    let mut run = Run::Off { beyond_since: None };
    for (at, value) in values {
        run = run.then(at, value, band);
    }
    match run {
        Run::On { since, .. } => Some(since),
        Run::Off { .. } => None,
    }
}

#[derive(Clone, Copy)]
enum Run {
    Off { beyond_since: Option<Timestamp> },
    On { since: Timestamp, below_since: Option<Timestamp> },
}

impl Run {
    fn then(self, at: Timestamp, value: f64, band: Band) -> Self {
        match self {
            Self::Off { .. } if value < band.enter => Self::Off { beyond_since: None },
            Self::Off { beyond_since } => {
                let since = beyond_since.unwrap_or(at);
                if at.since(since) >= HOLD {
                    Self::On { since, below_since: None }
                } else {
                    Self::Off { beyond_since: Some(since) }
                }
            }
            Self::On { since, .. } if value >= band.leave => Self::On { since, below_since: None },
            Self::On { since, below_since } => {
                let below = below_since.unwrap_or(at);
                if at.since(below) >= HOLD {
                    Self::Off { beyond_since: None }
                } else {
                    Self::On { since, below_since: Some(below) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value each ten seconds.
    fn since(values: &[f64]) -> Option<u64> {
        let values = (0..)
            .zip(values)
            .map(|(index, value)| (Timestamp::from_millis(index * 10_000), *value));
        lasting(values, Band { enter: 10.0, leave: 8.0 }).map(|at| at.as_millis() / 10_000)
    }

    #[test]
    fn a_run_begins_where_the_value_first_stayed_beyond() {
        let mut values = vec![1.0; 5];
        values.extend([12.0; 6]);
        assert_eq!(since(&values), None, "fifty seconds are too short");
        values.push(12.0);
        assert_eq!(since(&values), Some(5));
    }

    #[test]
    fn a_value_that_wavers_about_the_limit_is_one_run() {
        let mut values = vec![11.0; 7];
        for _ in 0..20 {
            values.extend([9.0, 11.0, 7.0, 10.5]);
        }
        assert_eq!(since(&values), Some(0));
    }

    #[test]
    fn a_run_ends_when_the_value_stays_below() {
        let mut values = vec![11.0; 7];
        values.extend([7.0; 6]);
        assert_eq!(since(&values), Some(0));
        values.push(7.0);
        assert_eq!(since(&values), None);
    }
}

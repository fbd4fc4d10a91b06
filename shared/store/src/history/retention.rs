//! How long what hosts report is kept, and how finely.

use std::{fmt, str::FromStr, time::Duration};

const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);
/// Levels of roll-ups.
const LEVELS_MAX: usize = 6;
/// Buckets that one level of a host may come to.
const BUCKETS_MAX: u128 = 200_000;
/// How whole samples are called in the text.
const WHOLE: &str = "whole";

/// How long whole samples are kept, and then each level of roll-ups.
///
/// As text: `whole:24h,1m:7d,10m:90d,2h:2y,8h:5y`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    whole: Duration,
    levels: Vec<Level>,
}

/// Buckets of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How long a bucket is.
    pub step: Duration,
    /// How long it is kept.
    pub kept: Duration,
}

/// The text describes no retention that could be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; write it like {usual}", usual = Retention::default())]
pub struct InvalidRetention {
    reason: String,
}

impl Retention {
    /// How long whole samples are kept.
    pub const fn whole(&self) -> Duration {
        self.whole
    }

    /// The levels of roll-ups, from fine to coarse.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// How long anything is kept.
    pub fn longest(&self) -> Duration {
        self.levels.iter().map(|level| level.kept).fold(self.whole, Duration::max)
    }

    fn check(&self) -> Result<(), String> {
        if !(Duration::from_hours(1)..=31 * DAY).contains(&self.whole) {
            return Err(format!("{WHOLE} samples are kept for 1h to 31d"));
        }
        if self.levels.is_empty() || self.levels.len() > LEVELS_MAX {
            return Err(format!("one to {LEVELS_MAX} levels follow the {WHOLE} samples"));
        }
        let mut before = Level { step: Duration::ZERO, kept: self.whole };
        for level in &self.levels {
            level.check(before)?;
            before = *level;
        }
        Ok(())
    }
}

impl Level {
    fn check(self, before: Self) -> Result<(), String> {
        let (step, kept) = (Text(self.step), Text(self.kept));
        if !(Duration::from_secs(10)..=DAY).contains(&self.step) {
            return Err(format!("a level's step is 10s to 1d, not {step}"));
        }
        if self.step <= before.step {
            return Err(format!(
                "{step} must be longer than the step before, {}",
                Text(before.step)
            ));
        }
        if self.kept <= before.kept {
            let least = Text(before.kept);
            return Err(format!("{step} must be kept for longer than what is finer, {least}"));
        }
        if self.kept > 10 * YEAR {
            return Err(format!("nothing is kept for longer than 10y, not even {step}"));
        }
        if self.kept.as_millis() / self.step.as_millis() > BUCKETS_MAX {
            return Err(format!("{step} for {kept} would be more than {BUCKETS_MAX} steps"));
        }
        Ok(())
    }
}

impl Default for Retention {
    fn default() -> Self {
        let level = |step, kept| Level { step, kept };
        let levels = vec![
            level(Duration::from_mins(1), 7 * DAY),
            level(Duration::from_mins(10), 90 * DAY),
            level(Duration::from_hours(2), 2 * YEAR),
            level(Duration::from_hours(8), 5 * YEAR),
        ];
        Self { whole: DAY, levels }
    }
}

impl FromStr for Retention {
    type Err = InvalidRetention;

    fn from_str(text: &str) -> Result<Self, InvalidRetention> {
        parse(text).map_err(|reason| InvalidRetention { reason })
    }
}

fn parse(text: &str) -> Result<Retention, String> {
    let mut whole = None;
    let mut levels = Vec::new();
    for part in text.split(',').map(str::trim) {
        let pair = part.split_once(':').ok_or_else(|| format!("{part:?} has no colon"))?;
        let kept = duration(pair.1)?;
        if pair.0 != WHOLE {
            levels.push(Level { step: duration(pair.0)?, kept });
        } else if whole.replace(kept).is_some() || !levels.is_empty() {
            return Err(format!("{WHOLE} stands once, and first"));
        }
    }
    let whole = whole.ok_or_else(|| format!("it says nothing about {WHOLE} samples"))?;
    let retention = Retention { whole, levels };
    retention.check()?;
    Ok(retention)
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number with s, m, h, d or y");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number = &text[..text.len() - 1];
    let is_plain = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Ok(Duration::from_secs(number * seconds))
}

/// From large to small.
const UNITS: [(char, u64); 5] =
    [('y', 365 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl fmt::Display for Retention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{WHOLE}:{}", Text(self.whole))?;
        for Level { step, kept } in &self.levels {
            write!(formatter, ",{}:{}", Text(*step), Text(*kept))?;
        }
        Ok(())
    }
}

/// A duration in the largest unit that it is whole in; a day is written as hours.
struct Text(Duration);

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let fits = |(_, unit): &(char, u64)| seconds.is_multiple_of(*unit) && seconds != 86_400;
        let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(('h', 3_600));
        write!(formatter, "{}{name}", seconds / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_reads_as_it_is_written() {
        for text in ["whole:24h,1m:7d,10m:90d,2h:2y,8h:5y", "whole:90m,10s:2d", "whole:31d,1h:400d"]
        {
            assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
        }
        assert_eq!(Retention::default().to_string(), "whole:24h,1m:7d,10m:90d,2h:2y,8h:5y");
        assert_eq!("whole:1d, 1m:7d".parse::<Retention>().unwrap().whole(), DAY);
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_its_reason() {
        let wrong = [
            ("", "no colon"),
            ("24h", "no colon"),
            ("1m:7d", "nothing about whole"),
            ("whole:24h", "one to 6 levels"),
            ("1m:7d,whole:24h", "once, and first"),
            ("whole:24h,whole:24h,1m:7d", "once, and first"),
            ("whole:1m,1m:7d", "1h to 31d"),
            ("whole:32d,1m:40d", "1h to 31d"),
            ("whole:24h,1s:7d", "10s to 1d, not 1s"),
            ("whole:24h,2d:1y", "10s to 1d, not 2d"),
            ("whole:24h,10m:7d,1m:90d", "1m must be longer than the step before, 10m"),
            ("whole:24h,1m:7d,10m:7d", "10m must be kept for longer than what is finer, 7d"),
            ("whole:24h,1m:24h", "longer than what is finer, 24h"),
            ("whole:24h,2h:11y", "longer than 10y"),
            ("whole:24h,10s:1y", "more than 200000 steps"),
            ("whole:24h,1m:7w", "\"7w\" is no number"),
            ("whole:24h,1m:-7d", "\"-7d\" is no number"),
            ("whole:24h,1m:ä", "\"ä\" is no number"),
            ("whole:24h,1m:9999999999y", "is no number"),
        ];
        for (text, reason) in wrong {
            let error = text.parse::<Retention>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains("whole:24h,1m:7d,10m:90d,2h:2y,8h:5y"), "{error}");
        }
    }
}

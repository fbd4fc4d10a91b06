//! How far back a question looks.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use sysmaint_protocol::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time span up to now, from five minutes to thirty days: `30m`, `12h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range {
    minutes: u64,
}

/// The text is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range: use a number and m, h or d, from 5m to 30d, such as 12h")]
pub struct InvalidRange(String);

impl Range {
    /// The last hour.
    pub const HOUR: Self = Self { minutes: HOUR / MINUTE };

    /// The last day.
    pub const DAY: Self = Self { minutes: DAY / MINUTE };

    /// The last thirty days, which is as far back as anybody looks.
    pub const MONTH: Self = Self { minutes: 30 * DAY / MINUTE };

    /// Takes what is nearest to `span` within the bounds.
    pub fn nearest(span: Duration) -> Self {
        Self { minutes: span.as_secs().div_ceil(MINUTE).clamp(5, 30 * DAY / MINUTE) }
    }

    /// Its length.
    pub const fn span(self) -> Duration {
        Duration::from_secs(self.minutes * MINUTE)
    }

    /// When it begins.
    pub fn start(self, now: Timestamp) -> Timestamp {
        now.before(self.span())
    }
}

impl FromStr for Range {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        parse(text).ok_or_else(|| InvalidRange(text.chars().take(20).collect()))
    }
}

fn parse(text: &str) -> Option<Range> {
    let unit = match text.chars().last()? {
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let plain = (1..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| plain)? * unit;
    (5 * MINUTE..=30 * DAY).contains(&seconds).then_some(Range { minutes: seconds / MINUTE })
}

impl TryFrom<String> for Range {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, InvalidRange> {
        text.parse()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.minutes * MINUTE;
        if seconds.is_multiple_of(DAY) && seconds > DAY {
            write!(formatter, "{}d", seconds / DAY)
        } else if seconds.is_multiple_of(HOUR) {
            write!(formatter, "{}h", seconds / HOUR)
        } else {
            write!(formatter, "{}m", self.minutes)
        }
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_as_it_is_written() {
        for text in ["5m", "90m", "1h", "12h", "24h", "25h", "7d", "30d"] {
            assert_eq!(text.parse::<Range>().unwrap().to_string(), text);
        }
        assert_eq!("1d".parse::<Range>().unwrap(), Range::DAY);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "h", "12", "0h", "4m", "31d", "-1h", "1.5h", "12 h", "1w", "ä", "99999999d"]
        {
            assert!(text.parse::<Range>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_nearest_range_stays_within_bounds() {
        assert_eq!(Range::nearest(Duration::ZERO).to_string(), "5m");
        assert_eq!(Range::nearest(Duration::from_secs(400 * DAY)).to_string(), "30d");
    }
}

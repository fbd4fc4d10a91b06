//! Durations as people type them: `90s`, `10m`, `24h`, `7d`.

use std::{str::FromStr, time::Duration};

/// A duration with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// The text is no such duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a whole number with a unit, such as 90s, 10m, 24h or 7d")]
pub(crate) struct InvalidSpan;

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let (digits, unit) =
            text.split_at_checked(text.len().wrapping_sub(1)).ok_or(InvalidSpan)?;
        let count: u32 = digits.parse().map_err(|_| InvalidSpan)?;
        let unit = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            _ => return Err(InvalidSpan),
        };
        unit.checked_mul(count).map(Self).ok_or(InvalidSpan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_seconds_to_days() {
        let seconds = |text: &str| text.parse::<Span>().unwrap().0.as_secs();
        assert_eq!(["0s", "2m", "24h", "7d"].map(seconds), [0, 120, 86_400, 604_800]);
        for wrong in ["", "s", "10", "-1s", "1.5h", "1w", "1h30m", "99999999999s", "5ä"] {
            assert_eq!(wrong.parse::<Span>(), Err(InvalidSpan), "{wrong}");
        }
    }
}

//! Stretches of time in rules: `90s`, `10m`, `2h`.

use std::{ops::RangeInclusive, time::Duration};

/// Of which every rule's are.
pub(super) const BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_hours(24);

/// Reads one that is within [`BOUNDS`].
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let plain = (1..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| plain)?;
    Some(Duration::from_secs(number * unit)).filter(|span| BOUNDS.contains(span))
}

/// Writes it in the largest unit that it is whole in.
pub(super) fn text(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

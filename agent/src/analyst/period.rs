//! How far back a question's words reach.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use crate::range::Range;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The range that `words` name: `last 12 hours`, `12h`, `since yesterday`, `past week`. Days begin
/// at midnight UTC, since that is the only clock that all hosts share.
pub(super) fn range(words: &[&str], now: Timestamp) -> Option<Range> {
    let counted = (0..words.len()).find_map(|index| counted(&words[index..]));
    let seconds = counted.or_else(|| named(words, now))?;
    Some(Range::nearest(Duration::from_secs(seconds)))
}

/// Whether a word belongs to a range, and so names no host.
pub(super) fn is_period(word: &str) -> bool {
    compact(word).is_some() || unit(word).is_some() || number(word).is_some()
}

/// `12 hours`, `12h`.
fn counted(words: &[&str]) -> Option<u64> {
    let (first, rest) = words.split_first()?;
    compact(first).or_else(|| {
        let unit = unit(rest.first()?)?;
        number(first)?.checked_mul(unit)
    })
}

fn compact(word: &str) -> Option<u64> {
    let digits = word.find(|character: char| !character.is_ascii_digit())?;
    let (count, letters) = word.split_at(digits);
    count.parse::<u64>().ok()?.checked_mul(unit(letters)?)
}

fn number(word: &str) -> Option<u64> {
    const WORDS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let named = WORDS.iter().position(|name| *name == word).and_then(|at| u64::try_from(at).ok());
    named.map(|at| at + 1).or_else(|| word.parse().ok())
}

fn unit(word: &str) -> Option<u64> {
    match word {
        "m" | "min" | "mins" | "minute" | "minutes" => Some(MINUTE),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(HOUR),
        "d" | "day" | "days" => Some(DAY),
        "w" | "week" | "weeks" => Some(7 * DAY),
        "month" | "months" => Some(30 * DAY),
        _ => None,
    }
}

fn named(words: &[&str], now: Timestamp) -> Option<u64> {
    let since_midnight = now.as_millis() / 1_000 % DAY;
    if words.contains(&"yesterday") {
        return Some(DAY + since_midnight);
    }
    if words.iter().any(|word| matches!(*word, "today" | "midnight" | "morning")) {
        return Some(since_midnight);
    }
    if words.iter().any(|word| matches!(*word, "overnight" | "tonight" | "night")) {
        return Some(12 * HOUR);
    }
    let reaching = |word: &str| matches!(word, "last" | "past" | "previous" | "this");
    words.windows(2).filter(|pair| reaching(pair[0])).find_map(|pair| unit(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T09:30:00Z.
    const NOW: u64 = 1_795_426_200_000;

    fn read(text: &str) -> Option<String> {
        let words: Vec<_> = text.split(' ').collect();
        range(&words, Timestamp::from_millis(NOW)).map(|range| range.to_string())
    }

    #[test]
    fn counted_and_named_spans_are_understood() {
        let cases = [
            ("over the last 12 hours", "12h"),
            ("12h", "12h"),
            ("in the past 30 minutes", "30m"),
            ("past two days", "2d"),
            ("during the last week", "7d"),
            ("last month", "30d"),
            ("in the last hour", "1h"),
            ("since yesterday", "2010m"),
            ("today", "570m"),
            ("overnight", "12h"),
            ("last 999999999999999999 hours", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_or_default(), expected, "{text}");
        }
    }

    #[test]
    fn a_question_of_the_present_has_no_range() {
        for text in ["what is the load", "compare web1 and web2", "1", "eth0", "is it 5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

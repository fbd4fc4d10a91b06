//! Words that were meant.

use super::Topic;
use crate::analyst::period;

/// Words that are spelt right and only look like others.
const RIGHT: [&str; 27] = [
    "host",
    "hosts",
    "broker",
    "care",
    "core",
    "loan",
    "head",
    "lead",
    "states",
    "store",
    "stores",
    "score",
    "times",
    "there",
    "these",
    "those",
    "which",
    "where",
    "while",
    "house",
    "moment",
    "problem",
    "process",
    "warming",
    "machine",
    "server",
    "different",
];

/// What words are corrected to: those that a question turns on. Names that only abbreviate are
/// left out.
const MEANT: [&str; 46] = [
    "processor",
    "disk",
    "disks",
    "storage",
    "space",
    "filesystem",
    "filesystems",
    "partition",
    "load",
    "busy",
    "busiest",
    "memory",
    "network",
    "traffic",
    "bandwidth",
    "process",
    "processes",
    "swap",
    "kernel",
    "temperature",
    "temperatures",
    "uptime",
    "unusual",
    "anomaly",
    "anomalies",
    "problem",
    "problems",
    "compare",
    "comparison",
    "difference",
    "offline",
    "online",
    "summary",
    "overview",
    "status",
    "report",
    "highest",
    "lowest",
    "hours",
    "minutes",
    "yesterday",
    "history",
    "changed",
    "machines",
    "servers",
    "healthy",
];

/// The word that was meant, if it is another one: one letter wrong, missing, too many or two of
/// them swapped, in long words two such. Only words that nothing else is known of are corrected.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    let length = word.chars().count();
    if !(4..=20).contains(&length) || is_known(word) {
        return None;
    }
    let allowed = if length >= 8 { 2 } else { 1 };
    let near = |meant: &&&str| {
        // Short words are near to too many others, but for two letters swapped.
        let (distance, swapped) = (distance(word, meant), is_swapped(word, meant));
        swapped || (length >= 5 && distance <= allowed && same_first(word, meant))
    };
    MEANT.iter().filter(near).min_by_key(|meant| distance(word, meant)).copied()
}

fn is_known(word: &str) -> bool {
    RIGHT.contains(&word)
        || MEANT.contains(&word)
        || Topic::of(word).is_some()
        || period::is_period(word)
        || word.chars().any(|character| character.is_ascii_digit())
}

fn same_first(one: &str, other: &str) -> bool {
    one.chars().next() == other.chars().next()
}

fn is_swapped(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    one.len() == other.len()
        && (1..one.len()).any(|index| {
            let mut swapped = one.clone();
            swapped.swap(index - 1, index);
            swapped == other
        })
}

/// Letters to change, add, leave out or swap with their neighbour.
pub(in crate::analyst) fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (index, letter) in one.iter().enumerate() {
        let mut row = vec![index + 1];
        for (place, with) in other.iter().enumerate() {
            let changed = rows[index][place] + usize::from(letter != with);
            let mut least = changed.min(rows[index][place + 1] + 1).min(row[place] + 1);
            let swapped =
                index > 0 && place > 0 && *letter == other[place - 1] && one[index - 1] == *with;
            if swapped {
                least = least.min(rows[index - 1][place - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_understood() {
        let cases = [
            ("memroy", "memory"),
            ("memmory", "memory"),
            ("dsik", "disk"),
            ("laod", "load"),
            ("proccess", "process"),
            ("procesess", "processes"),
            ("tempreture", "temperature"),
            ("stauts", "status"),
            ("netwrok", "network"),
            ("anomolies", "anomalies"),
            ("unusal", "unusual"),
            ("sumary", "summary"),
            ("yesterdy", "yesterday"),
        ];
        for (typed, word) in cases {
            assert_eq!(meant(typed), Some(word), "{typed}");
        }
    }

    #[test]
    fn words_that_are_right_are_left_alone() {
        for word in [
            "memory",
            "host",
            "care",
            "core",
            "load",
            "poem",
            "write",
            "world",
            "house",
            "please",
            "yesterday",
            "highest",
            "machine",
            "about",
            "could",
            "stars",
            "swarm",
            "12h",
            "web1",
            "nginx",
            "restart",
            "weather",
        ] {
            assert_eq!(meant(word), None, "{word}");
        }
    }
}

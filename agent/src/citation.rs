//! What an answer rests on: which host's sample, and of when.
//!
//! A model is told to name both beside each fact. Where it did not, they are added from what the
//! tools really returned, so that nobody has to take its word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sysmaint_protocol::Timestamp;

/// Hosts that are named in one line.
const NAMED_MAX: usize = 8;

/// Moments of one host that are remembered.
const MOMENTS_MAX: usize = 1_000;

/// What tools returned: hosts, and the moments that their numbers are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    hosts: BTreeMap<String, Moments>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Moments {
    /// The newest sample's.
    newest: Option<Timestamp>,
    /// Every moment that is told of the host.
    all: BTreeSet<Timestamp>,
}

impl Evidence {
    /// Adds a tool's result: what its `hosts` list holds.
    pub fn add(&mut self, result: &Value) {
        for host in result.get("hosts").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = host.get("host").and_then(Value::as_str) {
                self.hosts.entry(name.to_owned()).or_default().add(host);
            }
        }
    }

    /// The answer, with a line on what it rests on where it does not say so itself: of the hosts
    /// that it names without a moment of theirs, or of all if it cites none.
    pub fn cited(&self, answer: &str) -> String {
        let told: Vec<_> =
            self.hosts.iter().filter(|(_, moments)| !moments.all.is_empty()).collect();
        let cites = |(name, moments): &(&String, &Moments)| {
            names(answer, name) && moments.all.iter().any(|at| answer.contains(clock(*at).as_str()))
        };
        let any = told.iter().any(cites);
        let missing: Vec<_> = told
            .into_iter()
            .filter(|host| !cites(host) && (!any || names(answer, host.0)))
            .filter_map(|(name, moments)| {
                Some((name, moments.newest.or(moments.all.last().copied())?))
            })
            .collect();
        match line(&missing) {
            Some(line) => format!("{answer}\n\n{line}"),
            None if self.hosts.is_empty() && has_number(answer) => {
                format!("{answer}\n\n{UNFOUNDED}")
            }
            None => answer.to_owned(),
        }
    }
}

/// Ends an answer with numbers for which no tool returned anything.
const UNFOUNDED: &str = "_Based on no telemetry: no tool returned anything for this answer._";

impl Moments {
    fn add(&mut self, host: &Value) {
        let newest = ["sample_time", "last_sample"].iter().find_map(|key| moment(host.get(key)?));
        self.newest = self.newest.max(newest);
        self.collect(host);
    }

    /// What a host wrote stands in quotes, so that it is never taken for a moment.
    fn collect(&mut self, value: &Value) {
        if self.all.len() >= MOMENTS_MAX {
            return;
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| self.collect(value)),
            Value::Array(items) => items.iter().for_each(|value| self.collect(value)),
            value => self.all.extend(moment(value)),
        }
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    serde::Deserialize::deserialize(value).ok()
}

/// `09:29:55`, which stands in RFC 3339 as well as in what people write.
fn clock(moment: Timestamp) -> String {
    moment.to_string().chars().skip(11).take(8).collect()
}

/// Whether a host is named, and not only one whose name begins or ends like it.
fn names(answer: &str, name: &str) -> bool {
    let inside = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    answer.to_lowercase().split(|character| !inside(character)).any(|word| {
        let word = word.trim_matches('_');
        word == name || word.trim_end_matches('-') == name
    })
}

/// Whether it has a number; the one in `web1` is none.
fn has_number(answer: &str) -> bool {
    let words = answer.split(|character: char| !character.is_alphanumeric());
    words.into_iter().any(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

fn line(missing: &[(&String, Timestamp)]) -> Option<String> {
    if missing.is_empty() {
        return None;
    }
    let named: Vec<_> = missing
        .iter()
        .take(NAMED_MAX)
        .map(|(name, at)| format!("**{name}**, {}", seconds(*at)))
        .collect();
    let more = missing.len().saturating_sub(NAMED_MAX);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("_Based on:_ {}{rest}", named.join("; ")))
}

/// RFC 3339 without fractions.
fn seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis() / 1_000 * 1_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evidence() -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add(&json!({ "asked_at": "2026-11-23T09:30:00Z", "hosts": [
            {"host": "web1", "sample_time": "2026-11-23T09:29:55.250Z", "cpu_percent": 12.5},
            {"host": "web2", "sample_time": "2026-11-23T09:29:51Z",
             "metrics": [{"highest": {"time": "2026-11-23T04:00:10Z"}}],
             "processes": [{"name": "«2026-11-23T01:01:01Z»"}]},
        ]}));
        evidence
    }

    #[test]
    fn an_answer_that_cites_is_left_as_it_is() {
        for cited in [
            "**web1** is at 12.5% (2026-11-23T09:29:55Z).",
            "web1: 12.5% at 09:29:55 UTC; web2: 75% at 09:29:51 UTC.",
            "web2 peaked at 04:00:10 UTC.",
        ] {
            assert_eq!(evidence().cited(cited), cited);
        }
    }

    #[test]
    fn an_answer_that_cites_nothing_is_told_what_it_rests_on() {
        assert_eq!(
            evidence().cited("All is well."),
            "All is well.\n\n_Based on:_ **web1**, 2026-11-23T09:29:55Z; **web2**, 2026-11-23T09:29:51Z"
        );
    }

    #[test]
    fn a_host_that_is_named_without_its_time_is_cited() {
        let cited = evidence().cited("web1 is at 12.5% (09:29:55 UTC), and web2 is busier.");
        assert!(cited.ends_with("_Based on:_ **web2**, 2026-11-23T09:29:51Z"), "{cited}");
    }

    #[test]
    fn a_time_that_no_tool_returned_cites_nothing() {
        for answer in ["web1 is at 12.5% at 09:31:07 UTC.", "web2 at 01:01:01 UTC"] {
            assert!(evidence().cited(answer).contains("_Based on:_"), "{answer}");
        }
    }

    #[test]
    fn one_host_is_not_taken_for_another() {
        let answer = "web11 and my-web1 are fine at 09:29:55 UTC";
        assert!(evidence().cited(answer).contains("**web1**"));
    }

    #[test]
    fn numbers_without_any_tool_are_said_to_rest_on_nothing() {
        let none = Evidence::default();
        for without in ["I cannot restart it.", "web1 is not known."] {
            assert_eq!(none.cited(without), without);
        }
        assert!(none.cited("CPU is at 5%.").ends_with(UNFOUNDED));
        let mut empty = Evidence::default();
        empty.add(&json!({"hosts": "none"}));
        assert_eq!(empty, none);
    }

    #[test]
    fn many_hosts_are_counted() {
        let mut evidence = Evidence::default();
        let hosts: Vec<_> = (0..20)
            .map(
                |index| json!({"host": format!("h{index}"), "last_sample": "2026-11-23T09:29:55Z"}),
            )
            .collect();
        evidence.add(&json!({ "hosts": hosts }));
        assert!(evidence.cited("ok").ends_with("; and 12 more"));
    }
}

use sysmaint_protocol::Handle;

use super::*;
use crate::alert::rule::Rule;

fn host() -> Handle {
    "web1".parse().unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_426_200_000 + seconds * 1_000)
}

fn loud(seconds: u64) -> Moment {
    Moment { now: at(seconds), quiet: false }
}

fn quiet(seconds: u64) -> Moment {
    Moment { now: at(seconds), quiet: true }
}

fn rule(text: &str) -> Rule {
    text.parse().unwrap()
}

fn firing(rule: Rule, summary: &str) -> Observed {
    let reading = Reading { since: at(0), summary: summary.to_owned(), cause: None };
    Observed { host: host(), rule, firing: [(String::new(), reading)].into() }
}

fn clear(rule: Rule) -> Observed {
    Observed { host: host(), rule, firing: std::collections::BTreeMap::new() }
}

/// A ledger over several looks.
struct Book {
    rules: Rules,
    rows: Vec<FiringRow>,
    told: Vec<Alert>,
    made: u8,
    known: bool,
}

impl Book {
    fn new(rules: &str) -> Self {
        let rules = rules.parse().unwrap();
        Self { rules, rows: Vec::new(), told: Vec::new(), made: 0, known: true }
    }

    fn look(&mut self, observed: &[Observed], moment: Moment) {
        let ledger = Ledger { rows: self.rows.clone(), rules: &self.rules };
        let (made, known) = (&mut self.made, self.known);
        let fresh = || {
            *made += 1;
            ContentId::from_bytes([*made; 16])
        };
        for change in ledger.settle(observed, |_| known, moment, fresh) {
            match change {
                Change::Put(row) => {
                    self.rows.retain(|old| old.alert.id != row.alert.id);
                    self.rows.push(row);
                }
                Change::Remove(id) => self.rows.retain(|row| row.alert.id != id),
                Change::Tell(alert) => self.told.push(alert),
            }
        }
    }

    fn told(&self) -> Vec<(State, &str)> {
        self.told.iter().map(|alert| (alert.state, alert.summary.as_str())).collect()
    }
}

#[test]
fn what_fires_is_told_once_and_its_end_once() {
    let cpu = rule("cpu_percent>90/10m");
    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], loud(0));
    book.look(&[firing(cpu, "95%")], loud(15));
    // It cannot be judged: nothing changes.
    book.look(&[], loud(30));
    book.look(&[clear(cpu)], loud(45));
    book.look(&[clear(cpu)], loud(60));

    assert_eq!(book.told(), [(State::Firing, "91%"), (State::Resolved, "91%")]);
    assert_eq!(book.told[0].id, book.told[1].id);
    assert_eq!(book.told[1].until, Some(at(45)));
    assert!(book.rows.is_empty());
}

#[test]
fn in_quiet_hours_a_warning_waits_and_what_is_critical_does_not() {
    let (cpu, silent) = (rule("cpu_percent>90/10m"), rule("silent/2m!"));
    let mut book = Book::new("cpu_percent>90/10m,silent/2m!");
    book.look(&[firing(cpu, "91%"), firing(silent, "gone")], quiet(0));
    assert_eq!(book.told(), [(State::Firing, "gone")]);
    book.look(&[firing(cpu, "97%")], quiet(15));
    assert_eq!(book.told().len(), 1);
    book.look(&[firing(cpu, "98%")], loud(30));
    assert_eq!(book.told()[1], (State::Firing, "98%"));
    assert_eq!(book.told[1].severity, Severity::Warning);
}

#[test]
fn the_end_of_quiet_hours_tells_what_cannot_be_judged_then() {
    let cpu = rule("cpu_percent>90/10m");
    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], quiet(0));
    book.look(&[], quiet(15));
    book.look(&[], loud(30));
    book.look(&[], loud(45));
    assert_eq!(book.told(), [(State::Firing, "91%")]);
}

#[test]
fn what_began_and_ended_in_quiet_hours_is_never_told() {
    let cpu = rule("cpu_percent>90/10m");
    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], quiet(0));
    book.look(&[clear(cpu)], quiet(15));
    book.look(&[clear(cpu)], loud(30));
    assert!(book.told.is_empty() && book.rows.is_empty());
}

#[test]
fn what_was_told_is_told_to_be_over_also_in_quiet_hours() {
    let cpu = rule("cpu_percent>90/10m");
    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], loud(0));
    book.look(&[clear(cpu)], quiet(15));
    assert_eq!(book.told()[1].0, State::Resolved);
}

#[test]
fn an_anomaly_that_comes_and_goes_is_one_alert() {
    let anomaly = rule("anomaly/10m");
    let mut book = Book::new("anomaly/10m");
    book.look(&[firing(anomaly, "odd")], loud(0));
    book.look(&[clear(anomaly)], loud(300));
    book.look(&[firing(anomaly, "odd")], loud(600));
    book.look(&[clear(anomaly)], loud(900));
    book.look(&[clear(anomaly)], loud(1_200));
    assert_eq!(book.told().len(), 1, "it was not over for ten minutes");
    book.look(&[clear(anomaly)], loud(1_500));
    assert_eq!(book.told()[1].0, State::Resolved);
    assert_eq!(book.told[1].until, Some(at(900)), "it ended when it was last seen to");
}

#[test]
fn a_rule_that_is_set_no_more_and_a_host_that_is_gone_end_their_alerts() {
    let cpu = rule("cpu_percent>90/10m");
    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], loud(0));
    book.rules = "silent/2m".parse().unwrap();
    book.look(&[], loud(15));
    assert_eq!(book.told()[1], (State::Resolved, "it is not watched any more: 91%"));

    let mut book = Book::new("cpu_percent>90/10m");
    book.look(&[firing(cpu, "91%")], loud(0));
    book.known = false;
    book.look(&[], loud(15));
    assert_eq!(book.told()[1].0, State::Resolved);
}

#[test]
fn two_things_of_one_host_are_two_alerts() {
    let anomaly = rule("anomaly/10m");
    let mut both = firing(anomaly, "odd");
    both.firing.insert("load_1".into(), Reading { since: at(0), summary: "x".into(), cause: None });
    let mut book = Book::new("anomaly/10m");
    book.look(&[both.clone()], loud(0));
    book.look(&[both], loud(15));
    assert_eq!(book.told.len(), 2);
    assert_ne!(book.told[0].id, book.told[1].id);
}

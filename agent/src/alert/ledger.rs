//! What was firing, held against what is seen now.

use std::time::Duration;

use sysmaint_protocol::{
    Alert, ContentId, Handle, Timestamp,
    alert::{Severity, State},
};
use sysmaint_store::FiringRow;

use super::{
    look::{Observed, Reading},
    rule::Rules,
    wording::bounded,
};

/// What becomes of the ledger, and what operators are told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A row is new or different.
    Put(FiringRow),
    /// A row is gone.
    Remove(ContentId),
    /// Every operator is told this.
    Tell(Alert),
}

/// The moment of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    /// Whether operators want to be left alone with what is not critical.
    pub(super) quiet: bool,
}

/// The ledger as it was, with the rules that hold now.
pub(super) struct Ledger<'a> {
    pub(super) rows: Vec<FiringRow>,
    pub(super) rules: &'a Rules,
}

impl Ledger<'_> {
    /// What changes by a look at the hosts. `is_known` says whether a host is still watched.
    pub(super) fn settle(
        &self,
        observed: &[Observed],
        is_known: impl Fn(&Handle) -> bool,
        moment: Moment,
        mut fresh: impl FnMut() -> ContentId,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for row in &self.rows {
            let rule = self.rules.iter().find(|rule| rule.name() == row.alert.rule);
            let Some(rule) = rule.filter(|_| is_known(&row.alert.host)) else {
                changes.extend(over(row, moment.now, Some("it is not watched any more")));
                continue;
            };
            let seen = observed.iter().find(|one| one.host == row.alert.host && one.rule == *rule);
            match seen.map(|seen| seen.firing.get(&row.subject)) {
                Some(Some(reading)) => changes.extend(goes_on(row, reading, moment)),
                Some(None) => changes.extend(clears(row, rule.lingers(), moment.now)),
                None => changes.extend(late(row, moment)),
            }
        }
        for one in observed {
            for (subject, reading) in &one.firing {
                let known = |row: &FiringRow| {
                    row.alert.host == one.host
                        && row.alert.rule == one.rule.name()
                        && row.subject == *subject
                };
                if !self.rows.iter().any(known) {
                    changes.extend(begins(one, subject, reading, moment, fresh()));
                }
            }
        }
        changes
    }
}

fn begins(
    observed: &Observed,
    subject: &str,
    reading: &Reading,
    moment: Moment,
    id: ContentId,
) -> Vec<Change> {
    let alert = Alert {
        id,
        host: observed.host.clone(),
        rule: observed.rule.name(),
        metric: observed.rule.metric_of(subject),
        severity: observed.rule.severity,
        state: State::Firing,
        since: reading.since,
        until: None,
        summary: bounded(reading.summary.clone()),
        cause: reading.cause.clone().map(bounded),
    };
    let row = FiringRow { alert, subject: subject.to_owned(), clear_since: None, told: false };
    told(row, moment)
}

/// It is so still, with other numbers perhaps.
fn goes_on(row: &FiringRow, reading: &Reading, moment: Moment) -> Vec<Change> {
    if row.told {
        let again = FiringRow { clear_since: None, ..row.clone() };
        return if row.clear_since.is_some() { vec![Change::Put(again)] } else { Vec::new() };
    }
    // Nobody knows of it yet: what is told is what is so when it is told.
    let mut row = FiringRow { clear_since: None, ..row.clone() };
    row.alert.summary = bounded(reading.summary.clone());
    row.alert.cause = reading.cause.clone().map(bounded);
    told(row, moment)
}

/// It cannot be seen now; the end of quiet hours comes all the same.
fn late(row: &FiringRow, moment: Moment) -> Vec<Change> {
    if row.told || moment.quiet { Vec::new() } else { told(row.clone(), moment) }
}

/// Told now, or put down to be told after quiet hours.
fn told(mut row: FiringRow, moment: Moment) -> Vec<Change> {
    let now = !moment.quiet || row.alert.severity == Severity::Critical;
    row.told = now;
    let telling = now.then(|| Change::Tell(row.alert.clone()));
    [Change::Put(row)].into_iter().chain(telling).collect()
}

fn clears(row: &FiringRow, lingers: Duration, now: Timestamp) -> Vec<Change> {
    let since = row.clear_since.filter(|since| *since <= now).unwrap_or(now);
    if now.since(since) >= lingers {
        return over(row, since, None);
    }
    if row.clear_since == Some(since) {
        return Vec::new();
    }
    vec![Change::Put(FiringRow { clear_since: Some(since), ..row.clone() })]
}

/// Whoever was told that it is so is told that it is over.
fn over(row: &FiringRow, until: Timestamp, why: Option<&str>) -> Vec<Change> {
    let summary = match why {
        None => row.alert.summary.clone(),
        Some(why) => bounded(format!("{why}: {}", row.alert.summary)),
    };
    let resolved =
        Alert { state: State::Resolved, until: Some(until), summary, ..row.alert.clone() };
    let telling = row.told.then_some(Change::Tell(resolved));
    [Change::Remove(row.alert.id)].into_iter().chain(telling).collect()
}

#[cfg(test)]
mod tests;

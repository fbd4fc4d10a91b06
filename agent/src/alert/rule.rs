//! What is watched.

use std::{fmt, str::FromStr, time::Duration};

use sysmaint_protocol::alert::{RULE_MAX, Severity};

use super::span;
use crate::metric::Metric;

/// Rules at most; each costs a look at every host.
const MANY: usize = 32;

/// The rules of an agent, as `SYSMAINT_ALERTS` has them: separated by commas, or `none`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules(Vec<Rule>);

/// One of them. Its text is its name.
///
/// | written | fires when |
/// | --- | --- |
/// | `cpu_percent>90/10m` | the average over the latest 10 minutes is 90 or more; over when it is 3 % below that |
/// | `silent/2m` | nothing was heard of a host for 2 minutes |
/// | `anomaly/10m` | a warning of the anomaly detection has lasted for 10 minutes; over when it was not seen for as long |
///
/// One that ends in `!` is critical: it is told in quiet hours as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub(super) condition: Condition,
    pub(super) severity: Severity,
}

/// When a rule fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Condition {
    /// The average of a metric over a stretch is so high.
    Above { metric: Metric, limit: f64, over: Duration },
    /// Nothing was heard for so long.
    Silent { after: Duration },
    /// The anomaly detection has warned for so long.
    Anomaly { over: Duration },
}

/// The text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It has no known form.
    #[error(
        "{0:?} is no rule: write metric>limit/time such as cpu_percent>90/10m, silent/2m or \
         anomaly/10m, with ! behind it where it is critical, or none"
    )]
    Form(String),
    /// There is no such metric.
    #[error("{0:?} is no metric: use one of {all}", all = Metric::ALL.map(Metric::name).join(", "))]
    Metric(String),
    /// The limit is no number.
    #[error("{0:?} is no limit: use a number above 0")]
    Limit(String),
    /// The time is none.
    #[error("{0:?} is no time: use a number and s, m or h, from 30s to 24h")]
    Time(String),
    /// The same rule stands there twice.
    #[error("{0} stands there twice")]
    Twice(String),
    /// There are more than can be watched.
    #[error("{0} rules are too many (at most {max})", max = MANY)]
    Many(usize),
}

impl Rules {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Whether nothing is watched.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rule {
    /// Its text, by which it is known.
    pub(super) fn name(&self) -> String {
        self.to_string()
    }

    /// The one number that it is about, where it is about one; of an anomaly its subject names it.
    pub(super) fn metric_of(&self, subject: &str) -> Option<String> {
        match self.condition {
            Condition::Above { metric, .. } => Some(metric.name().to_owned()),
            Condition::Silent { .. } => None,
            Condition::Anomaly { .. } => {
                let named = subject.split(' ').next()?;
                Metric::ALL.iter().any(|metric| metric.name() == named).then(|| named.to_owned())
            }
        }
    }

    /// How long it must be over before that is told.
    pub(super) const fn lingers(&self) -> Duration {
        match self.condition {
            Condition::Anomaly { over } => over,
            Condition::Above { .. } | Condition::Silent { .. } => Duration::ZERO,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        let above = |metric, limit, over| Condition::Above { metric, limit, over: minutes(over) };
        let warning = |condition| Rule { condition, severity: Severity::Warning };
        Self(vec![
            warning(above(Metric::CpuPercent, 90.0, 10)),
            warning(above(Metric::MemoryUsedPercent, 90.0, 10)),
            warning(above(Metric::SwapUsedPercent, 80.0, 10)),
            warning(above(Metric::DiskUsedPercentMax, 90.0, 5)),
            warning(above(Metric::CelsiusMax, 85.0, 5)),
            warning(Condition::Anomaly { over: minutes(10) }),
            Rule {
                condition: Condition::Silent { after: minutes(2) },
                severity: Severity::Critical,
            },
        ])
    }
}

impl FromStr for Rules {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let mut rules: Vec<Rule> = Vec::new();
        for rule in text.split(',') {
            let rule: Rule = rule.trim().parse()?;
            if rules.contains(&rule) {
                return Err(InvalidRule::Twice(rule.name()));
            }
            rules.push(rule);
        }
        if rules.len() > MANY { Err(InvalidRule::Many(rules.len())) } else { Ok(Self(rules)) }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("none");
        }
        let all: Vec<_> = self.iter().map(Rule::name).collect();
        formatter.write_str(&all.join(","))
    }
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let form = || InvalidRule::Form(shown(text));
        let (body, severity) = match text.strip_suffix('!') {
            Some(body) => (body, Severity::Critical),
            None => (text, Severity::Warning),
        };
        let (what, time) =
            body.split_once('/').filter(|_| text.len() <= RULE_MAX).ok_or_else(form)?;
        let span = || span::parse(time).ok_or_else(|| InvalidRule::Time(shown(time)));
        let condition = match what.split_once('>') {
            None if what == "silent" => Condition::Silent { after: span()? },
            None if what == "anomaly" => Condition::Anomaly { over: span()? },
            None => return Err(form()),
            Some((metric, limit)) => {
                Condition::Above { metric: named(metric)?, limit: number(limit)?, over: span()? }
            }
        };
        Ok(Self { condition, severity })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition {
            Condition::Above { metric, limit, over } => {
                write!(formatter, "{}>{limit}/{}", metric.name(), span::text(over))?;
            }
            Condition::Silent { after } => write!(formatter, "silent/{}", span::text(after))?,
            Condition::Anomaly { over } => write!(formatter, "anomaly/{}", span::text(over))?,
        }
        if self.severity == Severity::Critical { formatter.write_str("!") } else { Ok(()) }
    }
}

fn named(name: &str) -> Result<Metric, InvalidRule> {
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name);
    metric.ok_or_else(|| InvalidRule::Metric(shown(name)))
}

fn number(text: &str) -> Result<f64, InvalidRule> {
    let limit = text.parse().ok().filter(|limit: &f64| limit.is_finite() && *limit > 0.0);
    limit.ok_or_else(|| InvalidRule::Limit(shown(text)))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_it_is_written() {
        let text = "cpu_percent>97.5/90s!,received_bytes_per_s>1000000/2h,silent/2m!,anomaly/15m";
        assert_eq!(text.parse::<Rules>().unwrap().to_string(), text);
        let usual = Rules::default();
        assert_eq!(usual.to_string().parse::<Rules>().unwrap(), usual);
        assert!("none".parse::<Rules>().unwrap().is_empty());
    }

    #[test]
    fn an_alert_says_which_number_it_is_about_where_it_is_one() {
        let rules: Rules = "load_1>4/5m,silent/2m,anomaly/10m".parse().unwrap();
        let (above, silent, anomaly) = (&rules.0[0], &rules.0[1], &rules.0[2]);
        assert_eq!(above.metric_of("").as_deref(), Some("load_1"));
        assert_eq!(silent.metric_of(""), None);
        let disk = anomaly.metric_of("disk_used_percent_max /srv data");
        assert_eq!(disk.as_deref(), Some("disk_used_percent_max"));
        assert_eq!(anomaly.metric_of("host"), None);
    }

    #[test]
    fn what_is_no_rule_is_refused_in_words() {
        for (text, says) in [
            ("", "is no rule"),
            ("cpu_percent>90", "is no rule"),
            ("cpu>90/10m", "is no metric"),
            ("cpu_percent>x/10m", "is no limit"),
            ("cpu_percent>-1/10m", "is no limit"),
            ("cpu_percent>inf/10m", "is no limit"),
            ("silent/10", "is no time"),
            ("silent/1s", "is no time"),
            ("anomaly/25h", "is no time"),
            ("silent/ä", "is no time"),
            ("loud/2m", "is no rule"),
            ("silent/2m,silent/120s", "twice"),
        ] {
            let error = text.parse::<Rules>().unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
        let many = (30..90).map(|n| format!("silent/{n}s")).collect::<Vec<_>>().join(",");
        assert!(many.parse::<Rules>().unwrap_err().to_string().contains("too many"));
    }
}

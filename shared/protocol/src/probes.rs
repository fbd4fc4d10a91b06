//! Whose telemetry a receiver takes.

use std::{fmt, str::FromStr};

use crate::{Handle, InvalidHandle, limits::HANDLE_MAX};

/// A list of those who may report: an allow-list on the receiver's side, against authenticated
/// senders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probes(Vec<ProbePattern>);

/// One handle, or all that begin with a word and a hyphen: `diagprobe-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbePattern {
    /// This one.
    One(Handle),
    /// Whatever begins with this handle and a hyphen.
    Family(Handle),
}

impl Probes {
    /// Those that match one of these.
    pub const fn new(patterns: Vec<ProbePattern>) -> Self {
        Self(patterns)
    }

    /// A probe, and its namesakes on further hosts: `diagprobe` and `diagprobe-*`.
    pub fn named_after(probe: &Handle) -> Vec<ProbePattern> {
        vec![ProbePattern::One(probe.clone()), ProbePattern::Family(probe.clone())]
    }

    /// Whether a sender is among them.
    pub fn accept(&self, sender: &Handle) -> bool {
        self.0.iter().any(|pattern| pattern.accepts(sender))
    }
}

impl ProbePattern {
    fn accepts(&self, sender: &Handle) -> bool {
        match self {
            Self::One(handle) => handle == sender,
            Self::Family(handle) => sender
                .as_str()
                .strip_prefix(handle.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.starts_with('-')),
        }
    }
}

/// The text is neither a handle nor the name of a family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; use a handle, or one with -* behind it for all that begin with it")]
pub struct InvalidProbePattern(#[from] InvalidHandle);

impl FromStr for ProbePattern {
    type Err = InvalidProbePattern;

    fn from_str(text: &str) -> Result<Self, InvalidProbePattern> {
        Ok(match text.strip_suffix("-*").filter(|_| text.len() <= HANDLE_MAX) {
            Some(family) => Self::Family(family.parse()?),
            None => Self::One(text.parse()?),
        })
    }
}

impl fmt::Display for ProbePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(handle) => handle.fmt(formatter),
            Self::Family(handle) => write!(formatter, "{handle}-*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_whatever_begins_with_its_name_and_a_hyphen() {
        let probe: Handle = "diagprobe".parse().unwrap();
        let probes = Probes::new(Probes::named_after(&probe));
        let accepts = |text: &str| probes.accept(&text.parse().unwrap());
        assert!(accepts("diagprobe") && accepts("diagprobe-web1") && accepts("diagprobe-a-b"));
        assert!(!accepts("diagprobe2") && !accepts("diagprobe-") && !accepts("web1"));
    }

    #[test]
    fn a_pattern_reads_as_it_is_written() {
        for text in ["diagprobe", "diagprobe-*", "a-*"] {
            assert_eq!(text.parse::<ProbePattern>().unwrap().to_string(), text);
        }
        for text in ["", "*", "-*", "diag*", "a-*-b", "Diag-*"] {
            assert!(text.parse::<ProbePattern>().is_err(), "{text:?}");
        }
    }
}

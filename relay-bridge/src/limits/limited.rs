//! A refusal because of a limit.

use std::time::Duration;

use sysmaint_protocol::rest::Problem;

use crate::problem::RATE_LIMITED;

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Bundles,
    Calls,
    Messages,
    Registrations,
}

/// Somebody asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    what: What,
    wait: Duration,
    /// Which account was empty, as a keyed hash.
    account: u64,
}

impl Limited {
    pub(super) const fn new(what: What, wait: Duration, account: u64) -> Self {
        Self { what, wait, account }
    }

    pub(super) const fn account(self) -> u64 {
        self.account
    }

    /// Whole seconds after which the next one is taken, as in `Retry-After`.
    pub(crate) fn seconds(self) -> u64 {
        let begun = u64::from(self.wait.subsec_nanos() > 0);
        self.wait.as_secs().saturating_add(begun).max(1)
    }

    /// The same in words.
    pub(crate) fn problem(self) -> Problem {
        let (what, instead) = match self.what {
            What::Bundles => {
                ("this bundle was fetched too often", "keep the session that the last one opened")
            }
            What::Calls => ("too many calls", "ask less often"),
            What::Messages => ("too many messages", "send several to one recipient in one request"),
            What::Registrations => {
                ("too many registrations from this address", "register each device once")
            }
        };
        RATE_LIMITED.because(format!("{what}: wait {} s, and {instead}", self.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begun_second_counts_as_one() {
        let seconds = |nanos| Limited::new(What::Calls, Duration::from_nanos(nanos), 0).seconds();
        assert_eq!([0, 1, 1_000_000_000, 1_000_000_001].map(seconds), [1, 1, 1, 2]);
    }

    #[test]
    fn the_problem_says_how_long() {
        let problem = Limited::new(What::Bundles, Duration::from_secs(100), 0).problem();
        assert_eq!((problem.status, problem.kind.as_str()), (429, "urn:sysmaint:rate-limited"));
        assert!(problem.detail.contains("wait 100 s"), "{}", problem.detail);
    }
}

//! The stretch of time that a chart shows.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use super::Range;

/// Nothing is kept for longer.
const SPAN_MAX: Duration = Duration::from_hours(10 * 366 * 24);

/// From one moment to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends; never in the future.
    pub to: Timestamp,
}

/// The two moments make no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// There is nothing in between.
    #[error("from={from} must lie before to={to} and before now")]
    Empty {
        /// Where it begins.
        from: Timestamp,
        /// Where it ends.
        to: Timestamp,
    },
    /// It is longer than anything is kept.
    #[error("from={from} to={to} are more than ten years: ask for a shorter window")]
    TooLong {
        /// Where it begins.
        from: Timestamp,
        /// Where it ends.
        to: Timestamp,
    },
}

impl Window {
    /// The last `range`.
    pub fn up_to(now: Timestamp, range: Range) -> Self {
        Self { from: now.before(range.span()), to: now }
    }

    /// Between two moments, as far as time has come.
    pub fn between(from: Timestamp, to: Timestamp, now: Timestamp) -> Result<Self, InvalidWindow> {
        let window = Self { from, to: to.min(now) };
        if window.from >= window.to {
            Err(InvalidWindow::Empty { from, to })
        } else if window.to.since(window.from) > SPAN_MAX {
            Err(InvalidWindow::TooLong { from, to })
        } else {
            Ok(window)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_now_at_the_latest_and_holds_something() {
        let at = |hour: u64| Timestamp::from_millis(hour * 3_600_000);
        let now = at(1_000_000);
        let between = |from, to| Window::between(at(from), at(to), now);
        let ends = between(999_000, 2_000_000).unwrap().to;
        assert_eq!(ends, now);
        for (from, to) in [(5, 5), (6, 5), (1_000_000, 2_000_000)] {
            assert!(matches!(between(from, to), Err(InvalidWindow::Empty { .. })), "{from} {to}");
        }
        assert!(matches!(between(0, 900_000), Err(InvalidWindow::TooLong { .. })));
    }
}

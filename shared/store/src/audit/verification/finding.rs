//! What can be wrong with a chain, in words that say what it means.

use std::fmt;

use sysmaint_protocol::Timestamp;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// Anchors that the chain speaks of are not with the broker any more.
    AnchorsLost {
        /// The lowest row that they were made of,
        from: u64,
        /// and the highest.
        through: u64,
        /// How many.
        number: usize,
    },
    /// The first row does not follow from what the chain is said to begin with.
    Beginning {
        /// That row.
        sequence: u64,
    },
    /// A row and its hash do not belong together.
    Changed {
        /// Which one.
        sequence: u64,
    },
    /// Two rows stand in each other's place.
    Exchanged {
        /// The one,
        first: u64,
        /// and the other.
        second: u64,
    },
    /// Rows that were not written there.
    Inserted {
        /// The first,
        from: u64,
        /// and the last.
        through: u64,
    },
    /// The broker has no anchor of this bridge.
    NoAnchors,
    /// Rows were removed from the beginning, and no row says that it was for their age.
    PruningUnproven {
        /// The last of them.
        through: u64,
    },
    /// Rows are missing.
    Removed {
        /// The first,
        from: u64,
        /// and the last.
        through: u64,
    },
    /// Rows are missing, and those behind them were numbered anew.
    RemovedAndRenumbered {
        /// The row that stands in their place.
        before: u64,
        /// How many are missing.
        number: u64,
    },
    /// A row is another one than was anchored, though the chain itself may be whole.
    Rewritten {
        /// Which one.
        sequence: u64,
        /// The last row before it that is as it was anchored.
        agreed: Option<u64>,
        /// When it was anchored.
        time: Timestamp,
    },
    /// The chain ends before a row that was anchored.
    TailCut {
        /// Its last row.
        last: u64,
        /// The last row that was anchored.
        anchored: u64,
        /// When.
        time: Timestamp,
    },
    /// The file is damaged.
    Unreadable {
        /// Behind this row.
        after: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnchorsLost { from, through, number } => write!(
                formatter,
                "{number} anchors of {} are not in the broker's stream AUDIT any more: the stream \
                 was made anew or tampered with, and what they confirmed rests on the file alone",
                Rows(*from, *through)
            ),
            Self::Beginning { sequence } => write!(
                formatter,
                "row {sequence} does not follow from the chain's beginning: the row was changed, \
                 or the bridge's id or the note of what was pruned was replaced"
            ),
            Self::Changed { sequence } => write!(
                formatter,
                "row {sequence} and its hash do not belong together: it, or row {}, is not what \
                 was written",
                sequence.saturating_sub(1)
            ),
            Self::Exchanged { first, second } => {
                write!(formatter, "rows {first} and {second} stand in each other's place")
            }
            Self::Inserted { from, through } => {
                let rows = Rows(*from, *through);
                write!(formatter, "{rows} stood not there when the chain was written: inserted")
            }
            Self::NoAnchors => formatter.write_str(
                "the broker has no anchor of this bridge: its relay has not run with this broker, \
                 or the file was replaced by another one, or the stream AUDIT was made anew",
            ),
            Self::PruningUnproven { through } => write!(
                formatter,
                "{} are gone, and no row of the chain says that they were pruned for their age: \
                 removed",
                Rows(1, *through)
            ),
            Self::Removed { from, through } => {
                write!(formatter, "{} are missing: removed", Rows(*from, *through))
            }
            Self::RemovedAndRenumbered { before, number } => write!(
                formatter,
                "before row {before} {} missing, and the rows behind were numbered anew",
                if *number == 1 { "one row is".to_owned() } else { format!("{number} rows are") }
            ),
            Self::Rewritten { sequence, agreed, time } => {
                let since = agreed.map_or_else(
                    || "no earlier row is confirmed".to_owned(),
                    |agreed| format!("row {agreed} is the last that agrees"),
                );
                write!(
                    formatter,
                    "row {sequence} is not the one that was anchored at {time}: rows before it, or \
                     it, were changed and the chain computed anew ({since})"
                )
            }
            Self::TailCut { last, anchored, time } => write!(
                formatter,
                "the chain ends with row {last}, but row {anchored} was anchored at {time}: {} \
                 were cut off, or the file is an old copy",
                Rows(*last + 1, *anchored)
            ),
            Self::Unreadable { after } => write!(
                formatter,
                "the file cannot be read behind row {after}: it is damaged, or was changed by \
                 somebody without the passphrase"
            ),
        }
    }
}

/// One row or several.
struct Rows(u64, u64);

impl fmt::Display for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, through) = self;
        if from == through {
            write!(formatter, "row {from}")
        } else {
            write!(formatter, "rows {from} to {through}")
        }
    }
}

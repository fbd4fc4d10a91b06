//! A bridge's audit: a file of its own kind, in which each row carries the hash of itself and of
//! the row before it.
//!
//! * [`AuditEvent`]: what is recorded, and its bytes.
//! * [`AuditRow`], [`genesis`]: the chain.
//! * [`AuditLog`]: the one that writes; [`AuditFile`]: looks at a file that another process may
//!   be writing.
//! * [`Verification`]: whether the rows are those that were written.

mod chain;
mod event;
mod file;
mod log;
mod verification;
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{AuditRow, digest, genesis};
pub use event::{AuditEvent, InvalidEvent};
pub use file::{AuditChain, AuditFile, AuditReadError};
pub use log::{AuditHead, AuditLog, AuditRoom, AuditWriteError};
pub use verification::{Finding, Outcome, Verification};

use crate::migrate::Schema;

/// `smau` in ASCII. A store has none, so that neither is opened as the other.
const APPLICATION: i32 = 0x736d_6175;

/// What an audit's file is made of.
const SCHEMA: Schema = Schema {
    application: APPLICATION,
    what: "a bridge's audit",
    migrations: &[include_str!("../migrations/audit/0001_audit.sql")],
};

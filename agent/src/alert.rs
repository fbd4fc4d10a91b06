//! What operators are told without having asked: that something about a host needs attention, and
//! that it is over.
//!
//! [`Rules`] say what is watched. Every few seconds the hosts are looked at (`look`), and what is
//! found is held against what was firing before (`ledger`). What changes is stored together with
//! whom it has to be told, and sealed from there (`service`), so that a crash neither loses an
//! alert nor tells one twice. What operators know of as firing is always told to be over,
//! in quiet hours as well.

mod ledger;
mod look;
mod quiet;
mod rule;
mod service;
mod span;
mod wording;

pub use self::{
    quiet::{InvalidQuietHours, QuietHours},
    rule::{InvalidRule, Rule, Rules},
};
pub(crate) use service::watch;

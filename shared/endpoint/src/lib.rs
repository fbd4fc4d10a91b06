//! A device at work: device, store and bus joined under the commit order.
//!
//! * **Commit, then publish.** [`Endpoint::send`] seals into the outbox inside one transaction;
//!   a task publishes what is there until the broker confirms, and only then removes it.
//! * **Store, then acknowledge.** A task opens each delivery inside a transaction that also holds
//!   the inbox row, and acknowledges afterwards.
//! * **Effect and mark.** [`Endpoint::settle`] takes a message's effect and marks it as handled
//!   in one transaction; [`Inbox`] hands out what is not marked, also after a crash.
//!
//! Killing the process between any two of these repeats bytes that were made before, or work that
//! has not taken effect.

mod certified;
mod checks;
mod clock;
mod contacts;
mod endpoint;
mod enrol;
mod further;
mod history;
mod inbox;
mod publish;
mod receive;
mod repair;
mod rosters;
mod send;
mod status;
mod step;
mod trace;
mod trust;
mod upkeep;

pub use clock::Clock;
pub use contacts::ContactError;
pub use endpoint::{Activity, Endpoint, EndpointConfig, StartError};
pub use further::{FurtherError, make_further};
pub use history::keep_history;
pub use inbox::Inbox;
pub use send::SendError;
pub use status::Status;
pub use step::{Step, StepError};
pub use sysmaint_device::Ephemeral;
pub use trace::Trace;
pub use trust::DecisionError;

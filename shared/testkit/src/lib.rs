//! Development only: what tests and benchmarks of devices need around them.
//!
//! * [`World`] certifies participants and knows their prekeys, without a relay.
//! * [`Participant`] is an endpoint over a real file; it can be killed and started again.
//! * [`Link`] carries mail in memory and loses, doubles, delays and reorders it as told;
//!   [`Nats`] is a real nats-server on a free port, and a [`Detour`] the same bad way to it.
//! * [`Tap`] sees what somebody publishes.
//! * [`Moment`] is a clock that a test moves.
//! * [`eventually`] waits for a condition.
//!
//! No product crate depends on this one but for its tests.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test library: a failure here is a failed test"
)]

mod detour;
mod dice;
mod directory;
mod eventually;
mod link;
mod moment;
mod nats;
mod participant;
mod tap;
mod world;

pub use detour::Detour;
pub use dice::{Counts, Faults};
pub use directory::LocalDirectory;
pub use eventually::eventually;
pub use link::Link;
pub use moment::Moment;
pub use nats::Nats;
pub use participant::{Backup, Participant, open_store};
pub use tap::Tap;
pub use world::World;

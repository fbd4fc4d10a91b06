//! One Signal device, without I/O.
//!
//! A [`Device`] seals ([`Device::seal`]) and opens ([`Device::open_envelope`]). It is synchronous,
//! needs `&mut` access to a [`store`] transaction for every step, and gets time and randomness as
//! arguments. The caller commits, then publishes; or stores, then acknowledges.
//!
//! This crate alone talks to libsignal, and libsignal alone does cryptography. What is ours:
//!
//! * [`guard`], which stands in front of libsignal, and [`archive`](self), which keeps its records
//!   small;
//! * the order of checks around it: certificate under the pinned root, pinned identity, addresses
//!   in the header, padding;
//! * prekeys, receipts, and the [`authority`] that certifies senders.

pub mod authority;
pub mod backend;
pub mod guard;
pub mod key;
pub mod store;
pub mod verify;

mod archive;
mod bundle;
mod certificate;
mod device;
mod enrol;
mod open;
mod overlay;
mod prekeys;
mod receipts;
mod repair;
mod seal;
mod sealed;
mod stop;
#[cfg(test)]
mod testing;
mod trust;

pub use bundle::BundleError;
pub use device::{Device, DeviceError};
pub use enrol::EnrolError;
pub use open::{Incoming, Opened};
pub use prekeys::PrekeyError;
pub use seal::{Draft, SealError};
pub use sealed::Sealed;
pub use trust::{Standing, TrustError};

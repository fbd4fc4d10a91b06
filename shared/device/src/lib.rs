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

#[cfg(target_arch = "wasm32")]
#[cfg_attr(test, macro_use)]
extern crate sysmaint_wasm_host;

pub mod authority;
pub mod backend;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod guard;
pub mod key;
pub mod store;
pub mod verify;

mod admission;
mod archive;
mod bundle;
mod certificate;
mod device;
mod enrol;
mod held;
#[cfg(feature = "testing")]
mod key_use;
mod listing;
mod mechanics;
mod open;
mod overlay;
mod prekeys;
mod receipts;
mod repair;
mod roster;
mod safety_number;
mod seal;
mod sealed;
mod stop;
#[cfg(test)]
mod testing;
mod trust;

pub use admission::{AdmissionError, AdmitError, Refusal};
pub use bundle::{BundleError, Readiness};
pub use device::{Device, DeviceError};
pub use enrol::EnrolError;
#[cfg(feature = "testing")]
pub use key_use::{Hidden, KeyLedger, KeyUse, UsedTwice};
pub use mechanics::{Chain, Handshake, KyberPrekey, Mechanics, PostQuantum};
pub use open::{Ephemeral, Incoming, Opened};
pub use prekeys::PrekeyError;
pub use roster::Noted;
pub use safety_number::SafetyNumber;
pub use seal::{Draft, Reach, SealError};
pub use sealed::Sealed;
pub use trust::{Standing, TrustError};

//! What is said between sysmaint's parts, and nothing about how it travels.
//!
//! * [`Handle`], [`ServiceId`], [`DeviceId`]: who is meant.
//! * [`Envelope`]: the only thing that a bus or a relay ever holds of a message.
//! * [`Header`] and [`body`]: what a recipient finds inside the seal.
//! * [`Admission`]: one device's word for a further one under its handle.
//! * [`administration`]: what the relay's operator decides about devices.
//! * [`alert`]: what the agent tells operators without being asked.
//! * [`audit`]: what a relay's audit and its anchors are made of.
//! * [`subject`]: where things travel on NATS.
//! * [`rest`]: the relay's documented HTTP types, which the NATS directory shares.
//! * [`websocket`]: the frames of its WebSocket.
//! * [`limits`]: every bound, with its reason.
//!
//! No I/O and no clock: times are arguments, and the crate builds for wasm32.

#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sysmaint_wasm_host;

pub mod administration;
pub mod alert;
pub mod audit;
pub mod body;
pub mod identities;
pub mod limits;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod rest;
pub mod sample;
pub mod subject;
pub mod websocket;

mod admission;
mod base64_bytes;
mod content_id;
mod device_id;
mod envelope;
mod handle;
mod header;
mod kind;
mod nats_login;
mod padding;
mod probes;
mod service_id;
mod timestamp;

pub use admission::{ADMISSION_CONTEXT, Admission, InvalidAdmission};
pub use alert::Alert;
pub use base64_bytes::Base64Bytes;
pub use content_id::{ContentId, TransferId};
pub use device_id::{DeviceId, InvalidDeviceId};
pub use envelope::{Envelope, EnvelopeFields, NotAnEnvelope};
pub use handle::{Handle, InvalidHandle};
pub use header::{Address, Header, InvalidHeader};
pub use kind::{Kind, UnknownKind};
pub use nats_login::{InboxPrefix, InvalidInbox, InvalidUserKey, NatsLogin, NatsUserKey};
pub use padding::{InvalidPadding, TooLong, pad, unpad};
pub use probes::{InvalidProbePattern, ProbePattern, Probes};
pub use service_id::{InvalidServiceId, ServiceId};
pub use timestamp::Timestamp;

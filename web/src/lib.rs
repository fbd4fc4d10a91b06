//! The operator's pages and their API.
//!
//! * [`Backend`]: everything the HTTP side needs of the Signal endpoint behind it.
//! * [`bind`] and [`serve`]: the listener and its life.
//! * [`Config`]: where to listen and whose devices these are.
//!
//! This process holds the keys of the identities it serves, so it reads what they read: the seal
//! protects everything between it and the other devices, not what lies between it and a browser.
//! Being reachable on loopback is not a login, so every request is judged by its `Host` and its
//! origin first; where other machines can reach it, it asks for a password.

pub mod backend;

mod api;
mod app;
mod assets;
mod config;
mod guard;
mod input;
mod login;
mod names;
mod problem;
mod sealed;
mod server;

pub use backend::{Backend, BackendError};
pub use config::Config;
pub use login::{
    Exposure, LoginMode, LoginSettings, Password, SessionLimits, UnfitPassword, UnknownLoginMode,
};
pub use names::{HostName, InvalidHostName};
pub use sealed::{LossyLink, SealedBackend};
pub use server::{BindError, ServeError, bind, serve};

//! Layered configuration: defaults < `sysmaint.toml` < environment < flags.
//!
//! A component reads each of its settings by the name of its environment variable; in
//! `sysmaint.toml` the same setting is the name in lower case (`relay_port = 8080`). A mistake
//! does not stop the reading: the default stands in, and [`Reader::finish`] reports all mistakes
//! at once, each with its name, its value and where it came from.
//!
//! Secrets go a way of their own. They are taken verbatim from `X` or from the file that `X_FILE`
//! names, never from `sysmaint.toml` or a flag, and no error, log or listing shows them.
//!
//! ```
//! use sysmaint_service::config::{Layers, Reader};
//!
//! let variables = [("RELAY_PORT".to_owned(), "9000".to_owned())];
//! let mut reader = Reader::new(Layers::new().variables(variables));
//! let port: u16 = reader.value("RELAY_PORT", 8080);
//! let bind: String = reader.value("RELAY_BIND", "127.0.0.1".to_owned());
//! reader.finish()?;
//! assert_eq!((port, bind.as_str()), (9000, "127.0.0.1"));
//! # Ok::<(), sysmaint_service::config::ConfigErrors>(())
//! ```

mod error;
mod layers;
mod nearest;
mod provider;
mod reader;
mod secret;
mod variable;

pub use error::{ConfigError, ConfigErrors};
pub use layers::{FILE_NAME, Layers};
pub use reader::Reader;
pub(crate) use secret::read_file as read_secret_file;
pub use variable::{Origin, Variable};

#[cfg(test)]
mod tests;

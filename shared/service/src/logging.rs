//! Logs: to stderr, by `RUST_LOG`, as lines for people or as JSON for collectors.
//!
//! The crates of the Signal protocol log ratchet keys and addresses, and the client of language
//! models logs what it cannot read of an answer. Nothing they say reaches the log, whatever
//! `RUST_LOG` asks for.

use std::{fmt, io, io::IsTerminal as _, str::FromStr};

use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    registry::Registry,
    util::SubscriberInitExt as _,
};

/// Crates that are never heard; each stands for all crates whose names start with it, since the
/// published ones carry a suffix.
const SILENCED: [&str; 5] =
    ["async_openai", "libsignal_protocol", "libsignal_core", "signal_crypto", "spqr"];

/// What holds before `RUST_LOG`: a client that reconnects says so at info, many times.
const QUIETER: &str = "async_nats=warn";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people, in colour on a terminal.
    #[default]
    Pretty,
}

/// The text is not a log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use json or pretty")]
pub struct InvalidLogFormat;

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// A logger is installed already.
    #[error("logging was started twice")]
    AlreadyStarted(#[from] tracing_subscriber::util::TryInitError),
    /// `RUST_LOG`, or the default in its place, is not a filter.
    #[error(
        "RUST_LOG={filter:?} is not a filter: use levels and targets such as info,sysmaint_bus=debug"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// Which part of it is wrong.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Starts logging for the whole process. `default_filter` holds when `RUST_LOG` is not set or
/// empty. Lines of crates that use `log` are taken too.
pub fn init(format: LogFormat, default_filter: &str) -> Result<(), LoggingError> {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = filter(asked.as_deref().unwrap_or(default_filter))?;
    let colour = colour(std::env::var_os("NO_COLOR").as_deref(), io::stderr().is_terminal());
    subscriber(format, filter, colour, io::stderr).try_init()?;
    Ok(())
}

fn filter(asked: &str) -> Result<EnvFilter, LoggingError> {
    let both = format!("{QUIETER},{asked}");
    EnvFilter::builder()
        .parse(both)
        .map_err(|source| LoggingError::Filter { filter: asked.to_owned(), source })
}

/// <https://no-color.org>: any value but the empty one turns colour off.
fn colour(no_color: Option<&std::ffi::OsStr>, terminal: bool) -> bool {
    terminal && no_color.is_none_or(std::ffi::OsStr::is_empty)
}

fn subscriber<W>(
    format: LogFormat,
    filter: EnvFilter,
    colour: bool,
    writer: W,
) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A directive of EnvFilter would not do: `RUST_LOG=libsignal_protocol::session=trace` is more
    // specific than any that could be added, and the more specific one wins.
    let heard = filter.and(filter_fn(is_heard));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        LogFormat::Pretty => lines.with_ansi(colour).boxed(),
    };
    Registry::default().with(lines.with_filter(heard))
}

fn is_heard(metadata: &Metadata<'_>) -> bool {
    !SILENCED.iter().any(|silenced| metadata.target().starts_with(silenced))
}

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLogFormat> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(InvalidLogFormat),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
        })
    }
}

#[cfg(test)]
mod tests;

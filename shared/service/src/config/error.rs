//! What can be wrong with a configuration, in words that say what to change.

use std::{fmt, path::PathBuf};

use super::variable::Origin;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A secret is set both directly and by a file, and which one is meant cannot be known.
    #[error("{name} and {name}_FILE are both set: keep one of them")]
    BothSet {
        /// The secret.
        name: &'static str,
    },
    /// The configuration file cannot be used at all.
    #[error("{} cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, without any of the file's lines.
        reason: String,
    },
    /// Values that are good alone do not go together.
    #[error("{name}: {reason}")]
    Inconsistent {
        /// The setting to change.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// A setting without default is not set.
    #[error(
        "{name} is required: set it in the environment or as {} in sysmaint.toml",
        name.to_ascii_lowercase()
    )]
    Missing {
        /// The setting.
        name: &'static str,
    },
    /// A secret without which the process cannot run is not set.
    #[error("{name} is required: set it in the environment, or name a file in {name}_FILE")]
    MissingSecret {
        /// The secret.
        name: &'static str,
    },
    /// The value is not accepted.
    #[error("{name}={value:?} from {origin} is not accepted: {reason}")]
    Rejected {
        /// The setting.
        name: &'static str,
        /// Its value, shortened and without credentials.
        value: String,
        /// Where the value came from.
        origin: Origin,
        /// Why.
        reason: String,
    },
    /// A secret stands where others can read it.
    #[error(
        "{name} is a secret and may not come from {origin}: set it in the environment, \
         or name a file that holds it in {name}_FILE"
    )]
    SecretExposed {
        /// The secret.
        name: &'static str,
        /// Where it stands.
        origin: Origin,
    },
    /// The file that should hold a secret cannot be used.
    #[error("{name}_FILE names {}, which cannot be used: {reason}", path.display())]
    SecretFile {
        /// The secret.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why, without any of the file's content.
        reason: String,
    },
    /// An environment variable is not text. The value is not shown.
    #[error("{name} in the environment is not UTF-8")]
    NotText {
        /// The setting.
        name: String,
    },
    /// A key of the configuration file means nothing.
    #[error("{key:?} in {} is not a setting{}", path.display(), did_you_mean(nearest.as_ref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
}

/// All mistakes of a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The mistakes, in the order in which they were met.
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.0
    }
}

/// One mistake a line.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

fn did_you_mean(nearest: Option<&String>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest:?}?"))
}

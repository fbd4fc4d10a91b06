//! One setting as it was read: its name, its default, its value and where that came from.

use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};

/// Where the value in force came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// An environment variable.
    Environment,
    /// The configuration file, or the file that an `X_FILE` variable names.
    File(PathBuf),
    /// A command line flag.
    Flag,
}

/// A setting that was read, for `config check` and for the list of all variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// The name of the environment variable; in lower case, the key in `sysmaint.toml`.
    pub name: &'static str,
    /// The default as text; absent when the setting is optional, required or secret.
    pub default: Option<String>,
    /// The value in force as text; absent when there is none, and always absent for a secret.
    pub value: Option<String>,
    /// Where the value in force came from; [`Origin::Default`] when nobody set it.
    pub origin: Origin,
    /// Whether the value must never be shown.
    pub secret: bool,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("its default"),
            Self::Environment => f.write_str("the environment"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Flag => f.write_str("the command line"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

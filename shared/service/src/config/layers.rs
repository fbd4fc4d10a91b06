//! The sources of a configuration, one above the other.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format, Toml},
    value::{Dict, Num, Value},
};

use super::{
    error::ConfigError,
    provider::{ENVIRONMENT, FLAG, Verbatim},
    variable::Origin,
};

/// The configuration file that is read when none is named.
pub const FILE_NAME: &str = "sysmaint.toml";

/// Bytes of a configuration file; every setting with a page of comment fits many times.
const FILE_MAX: u64 = 1024 * 1024;

/// File, environment and flags, of which any may be absent.
pub struct Layers {
    file: Option<PathBuf>,
    contents: Figment,
    environment: Environment,
    flags: BTreeMap<&'static str, String>,
    mistakes: Vec<ConfigError>,
}

enum Environment {
    Absent,
    Given(BTreeMap<String, String>),
    Process,
}

/// A value as one of the layers holds it.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// A text, or a list of texts (only the file has lists).
#[derive(Debug, PartialEq)]
pub(super) enum Raw {
    Many(Vec<String>),
    One(String),
}

impl Layers {
    /// No layer: every setting has its default.
    pub fn new() -> Self {
        Self {
            file: None,
            contents: Figment::new(),
            environment: Environment::Absent,
            flags: BTreeMap::new(),
            mistakes: Vec::new(),
        }
    }

    /// Adds a configuration file. A named one must exist; with `None`, [`FILE_NAME`] in the
    /// working directory is taken if there is one.
    #[must_use]
    pub fn file(mut self, path: Option<&Path>) -> Self {
        let unnamed = Path::new(FILE_NAME);
        let path = match path {
            Some(path) => path,
            None if unnamed.exists() => unnamed,
            None => return self,
        };
        match read_file(path) {
            Ok(contents) => {
                self.contents = contents;
                self.file = Some(path.to_owned());
            }
            Err(reason) => {
                self.mistakes.push(ConfigError::File { path: path.to_owned(), reason });
            }
        }
        self
    }

    /// Adds the environment of this process. Each variable is looked up when it is asked for;
    /// nothing else of the environment is taken in.
    #[must_use]
    pub fn environment(mut self) -> Self {
        self.environment = Environment::Process;
        self
    }

    /// Adds these variables in place of the environment of this process.
    #[must_use]
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = Environment::Given(variables.into_iter().collect());
        self
    }

    /// Adds flags that were given on the command line, by the name of the variable they replace.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// The highest layer's value of a setting that is not a secret.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found>, ConfigError> {
        let key = name.to_ascii_lowercase();
        let mut figment = self.contents.clone();
        if let Some(text) = self.variable(name)? {
            figment = figment.merge(Verbatim::environment(&key, text));
        }
        if let Some(text) = self.flags.get(name) {
            figment = figment.merge(Verbatim::flag(&key, text.clone()));
        }
        let Ok(value) = figment.find_value(&key) else { return Ok(None) };
        let origin = self.origin(&figment, &value);
        match raw(&value) {
            Some(raw) => Ok(Some(Found { raw, origin })),
            None => Err(ConfigError::File {
                path: self.file.clone().unwrap_or_default(),
                reason: format!("{key} must be a text, a number, true, false or a list of those"),
            }),
        }
    }

    /// A variable of the environment; an empty one counts as not set, as compose files and
    /// `.env.example` leave them.
    pub(super) fn variable(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let value = match &self.environment {
            Environment::Absent => None,
            Environment::Given(variables) => variables.get(name).map(OsString::from),
            Environment::Process => std::env::var_os(name),
        };
        match value.filter(|value| !value.is_empty()).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(ConfigError::NotText { name: name.to_owned() }),
        }
    }

    /// Where a value that must not be there stands: on the command line or in the file.
    pub(super) fn exposed(&self, name: &str) -> Option<Origin> {
        if self.flags.contains_key(name) {
            return Some(Origin::Flag);
        }
        let path = self.file.clone()?;
        self.contents.contains(&name.to_ascii_lowercase()).then_some(Origin::File(path))
    }

    /// The file and its keys.
    pub(super) fn file_keys(&self) -> Option<(&Path, Vec<String>)> {
        let dict: Dict = self.contents.extract().ok()?;
        Some((self.file.as_deref()?, dict.into_keys().collect()))
    }

    pub(super) fn take_mistakes(&mut self) -> Vec<ConfigError> {
        std::mem::take(&mut self.mistakes)
    }

    fn origin(&self, figment: &Figment, value: &Value) -> Origin {
        match figment.get_metadata(value.tag()).map(|metadata| metadata.name.as_ref()) {
            Some(ENVIRONMENT) => Origin::Environment,
            Some(FLAG) => Origin::Flag,
            _ => self.file.clone().map_or(Origin::Default, Origin::File),
        }
    }
}

impl Default for Layers {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows which layers there are, never a value: any of them might be a secret.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, contents: _, environment, flags, mistakes } = self;
        f.debug_struct("Layers")
            .field("file", file)
            .field("environment", &!matches!(environment, Environment::Absent))
            .field("flags", &flags.keys())
            .field("mistakes", &mistakes.len())
            .finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> Result<Figment, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > FILE_MAX {
        return Err(format!("it is larger than {FILE_MAX} bytes"));
    }
    let contents = Figment::from(Toml::file_exact(path));
    match contents.extract::<Dict>() {
        Ok(_) => Ok(contents),
        Err(error) => Err(without_quoted_lines(&error.kind.to_string())),
    }
}

/// A TOML error without the lines of the file that it quotes, since any of them might hold what
/// its writer took for a safe place for a secret.
fn without_quoted_lines(error: &str) -> String {
    let quoted = |line: &&str| line.split_once('|').is_some_and(|(before, _)| is_margin(before));
    let kept: Vec<&str> = error
        .lines()
        .filter(|line| !quoted(line))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    kept.join(": ")
}

fn is_margin(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == ' ')
}

fn raw(value: &Value) -> Option<Raw> {
    match value {
        Value::Array(_, values) => {
            values.iter().map(text).collect::<Option<Vec<_>>>().map(Raw::Many)
        }
        value => text(value).map(Raw::One),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(_, value) => Some(value.to_string()),
        Value::Char(_, value) => Some(value.to_string()),
        Value::Num(_, number) => Some(number_text(*number)),
        Value::String(_, text) => Some(text.clone()),
        Value::Array(..) | Value::Dict(..) | Value::Empty(..) => None,
    }
}

fn number_text(number: Num) -> String {
    let whole = number.to_u128().map(|n| n.to_string());
    let signed = || number.to_i128().map(|n| n.to_string());
    let broken = || number.to_f64().map(|n| n.to_string());
    whole.or_else(signed).or_else(broken).unwrap_or_default()
}

//! Reads settings one by one, remembers each, and reports every mistake at the end.

use std::{
    collections::BTreeSet,
    fmt::Display,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;

use super::{
    error::{ConfigError, ConfigErrors},
    layers::{Found, Layers, Raw},
    nearest::nearest,
    secret,
    variable::{Origin, Variable},
};

/// Characters of a rejected value that an error shows.
const SHOWN_MAX: usize = 80;

/// Reads typed settings from [`Layers`].
///
/// After a mistake the default stands in and reading goes on; nothing that was read may be used
/// before [`Reader::finish`] has said that there was none.
#[derive(Debug)]
pub struct Reader {
    layers: Layers,
    known: BTreeSet<String>,
    mistakes: Vec<ConfigError>,
    variables: Vec<Variable>,
}

impl Reader {
    /// A reader over these layers.
    pub fn new(mut layers: Layers) -> Self {
        let mistakes = layers.take_mistakes();
        Self { layers, known: BTreeSet::new(), mistakes, variables: Vec::new() }
    }

    /// A setting with a default.
    pub fn value<T>(&mut self, name: &'static str, default: T) -> T
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        let text = default.to_string();
        self.one(name, Some(text), |text| text.parse().map_err(as_reason)).unwrap_or(default)
    }

    /// A setting that may be absent.
    pub fn optional<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.one(name, None, |text| text.parse().map_err(as_reason))
    }

    /// A setting without default. `None` only together with a mistake.
    pub fn required<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let mistakes = self.mistakes.len();
        let value = self.optional(name);
        if value.is_none() && self.mistakes.len() == mistakes {
            self.mistake(ConfigError::Missing { name });
        }
        value
    }

    /// A path with a default. (Paths have no text form of their own, so [`Reader::value`] does
    /// not take them.)
    pub fn path(&mut self, name: &'static str, default: impl Into<PathBuf>) -> PathBuf {
        let default = default.into();
        let text = default.display().to_string();
        self.one(name, Some(text), |text| Ok(PathBuf::from(text))).unwrap_or(default)
    }

    /// A switch: `true`, `yes`, `on` or `1`, and their opposites.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.one(name, Some(default.to_string()), parse_switch).unwrap_or(default)
    }

    /// A duration in whole milliseconds within bounds.
    pub fn duration_ms(
        &mut self,
        name: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let text = default.as_millis().to_string();
        self.one(name, Some(text), |text| parse_milliseconds(text, &bounds)).unwrap_or(default)
    }

    /// A list: separated by commas, or a list in the configuration file.
    pub fn list<T>(&mut self, name: &'static str, default: Vec<T>) -> Vec<T>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        let text = default.iter().map(T::to_string).collect::<Vec<_>>().join(",");
        let Some(Found { raw, origin }) = self.find(name) else {
            self.remember(Variable {
                name,
                default: Some(text.clone()),
                value: Some(text),
                origin: Origin::Default,
                secret: false,
            });
            return default;
        };
        let items = match raw {
            Raw::Many(items) => items,
            Raw::One(text) => split(&text),
        };
        self.remember(Variable {
            name,
            default: Some(text),
            value: Some(shown(&items.join(","))),
            origin: origin.clone(),
            secret: false,
        });
        match items.iter().map(|item| parse_item(item)).collect::<Result<Vec<T>, _>>() {
            Ok(values) => values,
            Err((value, reason)) => {
                self.mistake(ConfigError::Rejected { name, value, origin, reason });
                default
            }
        }
    }

    /// A secret: verbatim from the environment, or from the file named by `<name>_FILE`, or else
    /// from the file in `SYSMAINT_SECRETS_DIR` that is called like it in lower case; from a file
    /// without one closing line break. A variable that is set but empty counts as not set.
    pub fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.know(name);
        self.know(&secret::file_name(name));
        self.know(secret::DIRECTORY);
        let (value, origin) = match secret::read(&self.layers, name) {
            Ok(Some((value, origin))) => (Some(value), origin),
            Ok(None) => (None, Origin::Default),
            Err(mistake) => {
                self.mistake(mistake);
                (None, Origin::Default)
            }
        };
        self.remember(Variable { name, default: None, value: None, origin, secret: true });
        value
    }

    /// A secret without which the process cannot run. `None` only together with a mistake.
    pub fn required_secret(&mut self, name: &'static str) -> Option<SecretString> {
        let mistakes = self.mistakes.len();
        let value = self.secret(name);
        if value.is_none() && self.mistakes.len() == mistakes {
            self.mistake(ConfigError::MissingSecret { name });
        }
        value
    }

    /// Records that a setting, though well formed, does not go with the others. `reason` must not
    /// repeat a secret.
    pub fn reject(&mut self, name: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        let read = self.variables.iter().find(|variable| variable.name == name);
        let mistake = match read.and_then(|v| Some((v.value.clone()?, v.origin.clone()))) {
            Some((value, origin)) => ConfigError::Rejected { name, value, origin, reason },
            None => ConfigError::Inconsistent { name, reason },
        };
        self.mistake(mistake);
    }

    /// Names that other commands read: `sysmaint.toml` may set them, though this one does not ask.
    pub fn also_known(&mut self, names: impl IntoIterator<Item = &'static str>) {
        for name in names {
            self.know(name);
        }
    }

    /// Every setting that was read, in the order of reading.
    pub fn described(&self) -> Vec<Variable> {
        self.variables.clone()
    }

    /// All mistakes at once: those that were met, and keys of `sysmaint.toml` that nobody knows.
    pub fn finish(&self) -> Result<(), ConfigErrors> {
        let mut mistakes = self.mistakes.clone();
        if let Some((path, keys)) = self.layers.file_keys() {
            mistakes.extend(keys.into_iter().filter_map(|key| self.unknown(key, path)));
        }
        if mistakes.is_empty() { Ok(()) } else { Err(ConfigErrors(mistakes)) }
    }

    fn unknown(&self, key: String, path: &Path) -> Option<ConfigError> {
        if self.known.contains(&key) {
            return None;
        }
        let nearest = nearest(&key, self.known.iter().map(String::as_str)).map(str::to_owned);
        Some(ConfigError::UnknownKey { key, path: path.to_owned(), nearest })
    }

    fn one<T>(
        &mut self,
        name: &'static str,
        default: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut variable = Variable {
            name,
            value: default.clone(),
            default,
            origin: Origin::Default,
            secret: false,
        };
        let Some(Found { raw, origin }) = self.find(name) else {
            self.remember(variable);
            return None;
        };
        let (text, parsed) = match raw {
            Raw::Many(items) => (items.join(","), Err("it takes one value, not a list".to_owned())),
            Raw::One(text) => {
                let parsed = parse(&text);
                (text, parsed)
            }
        };
        let value = shown(&text);
        variable.value = Some(value.clone());
        variable.origin = origin.clone();
        self.remember(variable);
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.mistake(ConfigError::Rejected { name, value, origin, reason });
                None
            }
        }
    }

    fn find(&mut self, name: &'static str) -> Option<Found> {
        self.know(name);
        match self.layers.find(name) {
            Ok(found) => found,
            Err(mistake) => {
                self.mistake(mistake);
                None
            }
        }
    }

    fn know(&mut self, name: &str) {
        self.known.insert(name.to_ascii_lowercase());
    }

    /// Several components of one process may read the same setting.
    fn remember(&mut self, variable: Variable) {
        if !self.variables.iter().any(|known| known.name == variable.name) {
            self.variables.push(variable);
        }
    }

    fn mistake(&mut self, mistake: ConfigError) {
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }
}

fn as_reason(error: impl Display) -> String {
    error.to_string()
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("use true or false".to_owned()),
    }
}

fn parse_milliseconds(text: &str, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let milliseconds: u64 = text
        .parse()
        .map_err(|error| format!("it must be a whole number of milliseconds ({error})"))?;
    let duration = Duration::from_millis(milliseconds);
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (bounds.start().as_millis(), bounds.end().as_millis());
    Err(format!("it must lie between {least} and {most} milliseconds"))
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn parse_item<T>(item: &str) -> Result<T, (String, String)>
where
    T: FromStr,
    T::Err: Display,
{
    item.parse().map_err(|error: T::Err| (shown(item), error.to_string()))
}

/// A value as an error or a listing may show it: shortened, and without the user and password
/// that a URL can carry.
fn shown(text: &str) -> String {
    let text = match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", without_credentials(rest)),
        None => text.to_owned(),
    };
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn without_credentials(rest: &str) -> String {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("…{}", &rest[at..]),
        None => rest.to_owned(),
    }
}

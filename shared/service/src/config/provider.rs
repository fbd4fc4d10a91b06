//! A figment provider that carries one value as it is.

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

/// Provider name of values that came from the environment.
pub(super) const ENVIRONMENT: &str = "environment";

/// Provider name of values that came from the command line.
pub(super) const FLAG: &str = "flag";

/// One key with one text.
///
/// figment's own `Env` parses what it carries: `0123` becomes a number, `[x,y]` a list, spaces
/// and quotes disappear. Here a text stays that text, and the type that asks for it parses it.
pub(super) struct Verbatim {
    source: &'static str,
    key: String,
    text: String,
}

impl Verbatim {
    pub(super) fn environment(key: &str, text: String) -> Self {
        Self { source: ENVIRONMENT, key: key.to_owned(), text }
    }

    pub(super) fn flag(key: &str, text: String) -> Self {
        Self { source: FLAG, key: key.to_owned(), text }
    }
}

impl Provider for Verbatim {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict = Dict::from([(self.key.clone(), Value::from(self.text.clone()))]);
        Ok(Profile::Default.collect(dict))
    }
}

//! Where the model is, and the key to it.

use async_openai::config::{Config, OPENAI_API_BASE};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// A server of Chat Completions. The library's own configuration would read further variables
/// from the environment and panics on a key that does not fit a header.
#[derive(Clone)]
pub(super) struct Endpoint {
    base: String,
    key: SecretString,
    headers: HeaderMap,
}

/// Address or key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// No HTTP address.
    #[error("the model's base URL is not an http or https address")]
    Address,
    /// A name or password in the address would end up in logs.
    #[error("the model's base URL must not hold a user name or password")]
    Credentials,
    /// The key is empty or holds characters that no key has.
    #[error("the model's API key is empty or has characters that do not fit an HTTP header")]
    Key,
}

impl Endpoint {
    /// OpenAI's address if `base` is absent.
    pub(super) fn new(base: Option<&str>, key: SecretString) -> Result<Self, InvalidEndpoint> {
        let base = base.unwrap_or(OPENAI_API_BASE).trim().trim_end_matches('/');
        let url = reqwest::Url::parse(base).map_err(|_| InvalidEndpoint::Address)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(InvalidEndpoint::Address);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Credentials);
        }
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer(&key)?)]);
        Ok(Self { base: base.to_owned(), key, headers })
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, InvalidEndpoint> {
    let key = key.expose_secret().trim();
    if key.is_empty() {
        return Err(InvalidEndpoint::Key);
    }
    let mut value =
        HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| InvalidEndpoint::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_is_no_part_of_the_address() {
        let key = SecretString::from("k".to_owned());
        let endpoint = Endpoint::new(Some("http://127.0.0.1:1/v1/"), key).unwrap();
        assert_eq!(endpoint.url("/chat/completions"), "http://127.0.0.1:1/v1/chat/completions");
    }

    #[test]
    fn the_key_is_hidden_from_whoever_prints_the_headers() {
        let endpoint = Endpoint::new(None, SecretString::from("sk-secret".to_owned())).unwrap();
        assert!(!format!("{:?}", endpoint.headers()).contains("secret"));
    }
}

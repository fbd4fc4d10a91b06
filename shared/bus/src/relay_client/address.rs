//! Where a bridge is: `https://relay.example`.

use std::{fmt, str::FromStr};

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Characters of an address.
const LENGTH_MAX: usize = 512;

/// The address of one bridge, without a closing slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelayUrl(Url);

/// The text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelayUrl {
    /// No URL at all.
    #[error("not a web address: use one such as https://relay.example")]
    Malformed,
    /// Another scheme.
    #[error("a relay is reached by https (or http), not by {0}")]
    Scheme(String),
    /// A user, a query or a fragment.
    #[error("an address has no user, password, query or fragment: use https://relay.example")]
    TooMuch,
}

impl RelayUrl {
    /// Whether TLS protects it.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether nobody reads on the way: TLS, or this very machine.
    pub fn is_private(&self) -> bool {
        self.is_secure() || self.0.host_str().is_some_and(is_loopback)
    }

    /// Of a call, such as `/v1/prekeys`.
    pub(crate) fn call(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    /// Of the WebSocket.
    pub(crate) fn socket(&self, client_id: &str) -> String {
        let address = self.to_string();
        // `http` becomes `ws`, `https` becomes `wss`.
        let rest = address.strip_prefix("http").unwrap_or(&address);
        format!("ws{rest}/ws?client_id={client_id}")
    }
}

impl FromStr for RelayUrl {
    type Err = InvalidRelayUrl;

    /// Without a scheme, https is meant, and http on this machine.
    fn from_str(text: &str) -> Result<Self, InvalidRelayUrl> {
        if text.len() > LENGTH_MAX {
            return Err(InvalidRelayUrl::Malformed);
        }
        let text = if text.contains("://") { text.to_owned() } else { completed(text)? };
        let url = Url::parse(&text).map_err(|_| InvalidRelayUrl::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidRelayUrl::Scheme(url.scheme().to_owned()));
        }
        let plain = url.username().is_empty() && url.password().is_none();
        if !plain || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidRelayUrl::TooMuch);
        }
        if url.host_str().is_none() { Err(InvalidRelayUrl::Malformed) } else { Ok(Self(url)) }
    }
}

impl TryFrom<String> for RelayUrl {
    type Error = InvalidRelayUrl;

    fn try_from(text: String) -> Result<Self, InvalidRelayUrl> {
        text.parse()
    }
}

impl From<RelayUrl> for String {
    fn from(url: RelayUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn completed(text: &str) -> Result<String, InvalidRelayUrl> {
    let url = Url::parse(&format!("https://{text}")).map_err(|_| InvalidRelayUrl::Malformed)?;
    let near = url.host_str().is_some_and(is_loopback);
    Ok(if near { format!("http://{text}") } else { format!("https://{text}") })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RelayUrl {
        text.parse().unwrap()
    }

    #[test]
    fn calls_and_socket_stand_below_the_address() {
        let relay = url("https://relay.example:8443/sysmaint/");
        assert_eq!(relay.call("/v1/prekeys"), "https://relay.example:8443/sysmaint/v1/prekeys");
        assert_eq!(relay.socket("bob.1"), "wss://relay.example:8443/sysmaint/ws?client_id=bob.1");
        assert_eq!(url("http://127.0.0.1:80").socket("a.1"), "ws://127.0.0.1/ws?client_id=a.1");
    }

    #[test]
    fn without_a_scheme_it_is_https_but_on_this_machine() {
        assert_eq!(url("relay.example").to_string(), "https://relay.example");
        assert_eq!(url("relay.example:8443").to_string(), "https://relay.example:8443");
        assert_eq!(url("localhost:8080").to_string(), "http://localhost:8080");
        assert_eq!(url("[::1]:8080").to_string(), "http://[::1]:8080");
    }

    #[test]
    fn what_is_read_on_the_way_is_not_private() {
        assert!(url("https://relay.example").is_private());
        assert!(url("http://127.0.0.1:8080").is_private());
        assert!(!url("http://relay.example").is_private());
        assert!(!url("http://127.0.0.1.example").is_private());
    }

    #[test]
    fn other_addresses_are_refused() {
        for wrong in [
            "",
            "ftp://relay.example",
            "https://",
            "https://u:p@relay.example",
            "a b",
            "https://relay.example/?a=b",
            "https://relay.example/#a",
        ] {
            assert!(wrong.parse::<RelayUrl>().is_err(), "{wrong}");
        }
    }
}

//! The names that this server answers to.
//!
//! Whoever controls a DNS name can point it at any address, loopback included. What a browser
//! sends as `Host` is therefore held against a list: loopback's names, the address that is
//! listened on, and what `WEB_HOSTS` adds.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::http::uri::Authority;

use crate::Config;

/// A name from `WEB_HOSTS`: `monitor.example`, or with one port only `monitor.example:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    host: String,
    port: Option<u16>,
}

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "give a name or an address alone, such as monitor.example, 192.0.2.7 or [2001:db8::7]:8443"
)]
pub struct InvalidHostName;

impl HostName {
    /// Whether only this machine can mean itself by it.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        address || self.host == "localhost" || self.host.ends_with(".localhost")
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self { host: format!("[{address}]"), port: None });
        }
        let authority: Authority = text.parse().map_err(|_| InvalidHostName)?;
        let host = authority.host().to_ascii_lowercase();
        let is_name =
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_address = inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        let port = match text.get(host.len()..) {
            Some("") => None,
            Some(rest) => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
                Some(port.filter(|port| *port != 0).ok_or(InvalidHostName)?)
            }
            None => return Err(InvalidHostName),
        };
        if host.is_empty() || !(is_name || is_address) {
            return Err(InvalidHostName);
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// All of them, as a `Host` header has them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    own: Vec<String>,
    further: Vec<String>,
    scheme: &'static str,
}

impl Names {
    /// The names of a server on the port that was really bound.
    pub(crate) fn new(config: &Config, port: u16, secure: bool) -> Self {
        let (scheme, default) = if secure { ("https", 443) } else { ("http", 80) };
        let mut hosts: Vec<_> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
        let bound = SocketAddr::new(config.bind, port).to_string();
        let bound = bound.rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned());
        if !config.bind.is_unspecified() && !hosts.contains(&bound) {
            hosts.push(bound);
        }
        let mut own: Vec<_> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
        if port == default {
            own.extend(hosts);
        }
        let further = config.hosts.iter().flat_map(|name| match name.port {
            Some(_) => vec![name.to_string()],
            // Behind a proxy, or on the scheme's own port, browsers send no port.
            None => vec![format!("{name}:{port}"), name.to_string()],
        });
        Self { own, further: further.collect(), scheme }
    }

    pub(crate) fn contain(&self, authority: &str) -> bool {
        self.own.iter().chain(&self.further).any(|name| name.eq_ignore_ascii_case(authority))
    }

    /// Whether pages of this server, asked for as `host`, can have this origin. A proxy that
    /// speaks HTTPS may stand before a name from `WEB_HOSTS`.
    pub(crate) fn has_origin(&self, scheme: &str, authority: &str, host: &str) -> bool {
        let proxied = || self.further.iter().any(|name| name.eq_ignore_ascii_case(host));
        let scheme_fits = scheme == self.scheme || (scheme == "https" && proxied());
        scheme_fits && authority.eq_ignore_ascii_case(host)
    }

    /// What to tell who asked by another name. Names from the settings are not told to strangers.
    pub(crate) fn advice(&self) -> String {
        let own = self.own.join(", ");
        format!("this server answers as {own}, and by the names in WEB_HOSTS; this is none of them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bind: &str, hosts: &str, secure: bool) -> Names {
        let hosts = hosts.split_whitespace().map(|name| name.parse().unwrap()).collect();
        let config = Config { bind: bind.parse().unwrap(), hosts, ..Config::sample() };
        Names::new(&config, 3000, secure)
    }

    #[test]
    fn a_concrete_address_is_a_name_and_an_unspecified_one_is_none() {
        let names_of = |bind| names(bind, "", false);
        assert!(names_of("192.0.2.7").contain("192.0.2.7:3000"));
        assert!(names_of("2001:db8::7").contain("[2001:db8::7]:3000"));
        assert!(!names_of("0.0.0.0").contain("0.0.0.0:3000"));
        assert!(!names_of("0.0.0.0").contain("192.0.2.7:3000"));
        assert!(names_of("0.0.0.0").contain("localhost:3000"));
    }

    #[test]
    fn further_names_come_with_the_bound_port_none_or_their_own() {
        let names = names("0.0.0.0", "Monitor.Example 2001:db8::7 other.example:8443", false);
        for host in ["monitor.example", "MONITOR.example:3000", "[2001:db8::7]:3000"] {
            assert!(names.contain(host), "{host}");
        }
        assert!(names.contain("other.example:8443"));
        for host in ["other.example", "other.example:3000", "monitor.example:1", "x.example"] {
            assert!(!names.contain(host), "{host}");
        }
    }

    #[test]
    fn only_a_further_name_may_have_a_proxy_with_https_before_it() {
        let plain = names("192.0.2.7", "monitor.example", false);
        let (name, address) = ("monitor.example", "192.0.2.7:3000");
        assert!(plain.has_origin("https", name, name) && plain.has_origin("http", name, name));
        assert!(plain.has_origin("http", address, address));
        assert!(!plain.has_origin("https", address, address));
        assert!(!plain.has_origin("https", "evil.example", name));
        let secure = names("192.0.2.7", "monitor.example", true);
        assert!(!secure.has_origin("http", name, name), "plain pages are no part of this server");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "https://monitor.example",
            "monitor.example/",
            "*.example",
            "a@b",
            ":3000",
            "x:0",
            "x:99999",
            "x:",
            "[::1",
            "",
            "two words",
        ] {
            assert_eq!(text.parse::<HostName>(), Err(InvalidHostName), "{text:?}");
        }
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for (text, expected) in [
            ("localhost:8000", true),
            ("x.localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("monitor.example", false),
            ("192.0.2.7", false),
            ("localhost.example", false),
        ] {
            assert_eq!(text.parse::<HostName>().unwrap().is_loopback(), expected, "{text}");
        }
    }
}

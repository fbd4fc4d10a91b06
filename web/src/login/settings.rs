//! What the settings say about the login.

use std::{fmt, net::IpAddr, str::FromStr};

use secrecy::SecretString;

use super::{Password, SessionLimits};
use crate::{Config, HostName};

/// Of [`Config`], what concerns the login.
#[derive(Clone, Debug, Default)]
pub struct LoginSettings {
    /// `WEB_LOGIN`.
    pub mode: LoginMode,
    /// `WEB_PASSWORD`.
    pub password: Option<Password>,
    /// `SYSMAINT_OPERATOR_TOKEN`: opens the numbers for Prometheus without a session.
    pub operator_token: Option<SecretString>,
    /// How long a login lasts.
    pub sessions: SessionLimits,
}

/// When a login is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginMode {
    /// Wherever other machines can reach the pages, and wherever there is a password.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Neither of them.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("use auto (a login off loopback, and wherever a password is set) or off (never)")]
pub struct UnknownLoginMode;

impl FromStr for LoginMode {
    type Err = UnknownLoginMode;

    fn from_str(text: &str) -> Result<Self, UnknownLoginMode> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => Err(UnknownLoginMode),
        }
    }
}

impl fmt::Display for LoginMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Off => "off",
        })
    }
}

/// The setting by which other machines reach the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// `WEB_BIND` is none of loopback's addresses.
    Bind(IpAddr),
    /// `WEB_HOSTS` has a name that is not this machine's alone: a proxy passes it on.
    Host(HostName),
}

impl Exposure {
    /// The setting's name.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::Bind(_) => "WEB_BIND",
            Self::Host(_) => "WEB_HOSTS",
        }
    }

    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        "it shows the pages to other machines, which takes a login: set WEB_PASSWORD_FILE to a \
         file that holds a password of at least 12 characters (or WEB_PASSWORD to the password), \
         or WEB_LOGIN=off if nobody but you can reach the port"
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address) => write!(formatter, "WEB_BIND={address}"),
            Self::Host(name) => write!(formatter, "WEB_HOSTS={name}"),
        }
    }
}

impl Config {
    /// How other machines reach the pages, if they do.
    pub fn exposure(&self) -> Option<Exposure> {
        if !self.bind.is_loopback() {
            return Some(Exposure::Bind(self.bind));
        }
        self.hosts.iter().find(|name| !name.is_loopback()).cloned().map(Exposure::Host)
    }

    /// Whether the pages ask for a login.
    pub fn requires_login(&self) -> bool {
        let wanted = self.login.password.is_some() || self.exposure().is_some();
        self.login.mode == LoginMode::Auto && wanted
    }

    /// What makes a login necessary that nobody could pass.
    pub fn lacks_password(&self) -> Option<Exposure> {
        self.exposure().filter(|_| self.requires_login() && self.login.password.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &str, hosts: &str, mode: LoginMode, password: bool) -> Config {
        let hosts = hosts.split_whitespace().map(|name| name.parse().unwrap()).collect();
        let password = password.then(|| Password::new("twelve chars".into()).unwrap());
        let login = LoginSettings { mode, password, ..LoginSettings::default() };
        Config { bind: bind.parse().unwrap(), hosts, login, ..Config::sample() }
    }

    #[test]
    fn a_login_is_asked_for_off_loopback_and_wherever_there_is_a_password() {
        let requires =
            |bind, hosts, password| config(bind, hosts, LoginMode::Auto, password).requires_login();
        assert!(!requires("127.0.0.1", "", false) && !requires("::1", "localhost:8000", false));
        assert!(requires("127.0.0.1", "", true));
        assert!(requires("0.0.0.0", "", true) && requires("192.0.2.7", "", false));
        assert!(requires("127.0.0.1", "monitor.example", false));
        assert!(!config("0.0.0.0", "", LoginMode::Off, true).requires_login());
    }

    #[test]
    fn pages_for_others_without_password_lack_one_unless_it_is_off() {
        let lacks = |bind, hosts, mode, password| {
            config(bind, hosts, mode, password).lacks_password().map(|it| it.to_string())
        };
        let auto = LoginMode::Auto;
        assert_eq!(lacks("::", "", auto, false).as_deref(), Some("WEB_BIND=::"));
        let proxied = lacks("127.0.0.1", "localhost a.example", auto, false);
        assert_eq!(proxied.as_deref(), Some("WEB_HOSTS=a.example"));
        assert_eq!(lacks("0.0.0.0", "", auto, true), None);
        assert_eq!(lacks("0.0.0.0", "", LoginMode::Off, false), None);
        assert_eq!(lacks("127.0.0.1", "", auto, false), None);
    }
}

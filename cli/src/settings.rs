//! All settings of all services, read at once so that every mistake is said at once.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;
use sysmaint_bus::{BusConfig, EffectiveDurability, conf::Durability};
use sysmaint_protocol::identities;
use sysmaint_relay_bridge::LimitSettings;
use sysmaint_service::{
    config::{FILE_NAME, Layers, Reader},
    exit::Exit,
    logging::LogFormat,
};

use crate::{args::Args, failure::Failure};

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) log_format: LogFormat,
    pub(crate) passphrase: Option<SecretString>,
    pub(crate) trust_root: Option<PathBuf>,
    pub(crate) nats: NatsSettings,
    pub(crate) relay: sysmaint_relay_bridge::Config,
    pub(crate) agent: sysmaint_agent::Config,
    pub(crate) probe: sysmaint_probe::Config,
    pub(crate) web: sysmaint_web::Config,
}

/// How NATS is reached, or run.
#[derive(Debug)]
pub(crate) struct NatsSettings {
    /// `NATS_PORT`: of the server that `up` runs.
    pub(crate) port: u16,
    /// `NATS_URL`: a server that somebody else runs.
    pub(crate) url: Option<String>,
    /// `NATS_NKEY_FILE`: this service's key, where it is not in the data directory.
    pub(crate) nkey_file: Option<PathBuf>,
    /// `SYSMAINT_DURABILITY`: what a confirmed message survives.
    pub(crate) durability: Durability,
}

/// `power` or `process`.
struct Chosen(Durability);

impl FromStr for Chosen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "power" => Ok(Self(Durability::Power)),
            "process" => Ok(Self(Durability::Process)),
            _ => Err("use power (a confirmed message survives a power cut) or process (it \
                      survives the end of the process, at several times the speed)"),
        }
    }
}

impl Settings {
    /// Reads them all, whatever the command needs.
    pub(crate) fn read(args: &Args) -> Result<Self, Failure> {
        let file = args.config.clone().or_else(|| {
            let beside = Path::new(FILE_NAME);
            beside.exists().then(|| beside.to_owned())
        });
        let flags = args
            .data_dir
            .iter()
            .map(|path| ("SYSMAINT_DATA_DIR", path.to_string_lossy().into_owned()));
        let layers = Layers::new().file(file.as_deref()).environment().flags(flags);
        let mut reader = Reader::new(layers);
        let settings = Self::from_reader(&mut reader);
        reader.finish().map_err(|errors| Failure::new(Exit::Config, errors))?;
        Ok(settings)
    }

    fn from_reader(reader: &mut Reader) -> Self {
        let mut settings = Self {
            data_dir: reader.path("SYSMAINT_DATA_DIR", "./data"),
            log_format: reader.value("LOG_FORMAT", LogFormat::default()),
            passphrase: reader.secret("MEGA_PASSPHRASE"),
            trust_root: reader.optional("SYSMAINT_TRUST_ROOT_FILE"),
            nats: NatsSettings::from_reader(reader),
            relay: relay(reader),
            agent: sysmaint_agent::Config::read(reader),
            probe: sysmaint_probe::Config::read(reader),
            web: web(reader),
        };
        settings.check(reader);
        settings
    }

    /// What no single setting can know.
    fn check(&mut self, reader: &mut Reader) {
        if self.web.alice == self.web.bob {
            reader.reject("BOB_ID", "must differ from ALICE_ID");
        }
        if self.agent.identity == self.web.alice || self.agent.identity == self.web.bob {
            reader.reject("SYSMAINT_ID", "must differ from ALICE_ID and BOB_ID");
        }
        let ports = [
            ("WEB_PORT", self.web.port, self.relay.port),
            ("NATS_PORT", self.nats.port, self.web.port),
            ("RELAY_PORT", self.relay.port, self.nats.port),
        ];
        for (name, port, other) in ports {
            if port != 0 && port == other {
                reader.reject(name, format!("{port} is set for two services; give each its own"));
            }
        }
        // Also said by the web server itself; here it is said together with everything else.
        if !self.web.bind.is_loopback() {
            reader.reject("WEB_BIND", "there is no login yet, so only 127.0.0.1 or ::1 is taken");
        }
    }
}

impl NatsSettings {
    fn from_reader(reader: &mut Reader) -> Self {
        let durability: Option<Chosen> = reader.optional("SYSMAINT_DURABILITY");
        Self {
            port: reader.value("NATS_PORT", 4222),
            url: reader.optional("NATS_URL"),
            nkey_file: reader.optional("NATS_NKEY_FILE"),
            durability: durability.map_or(Durability::Power, |chosen| chosen.0),
        }
    }
}

fn relay(reader: &mut Reader) -> sysmaint_relay_bridge::Config {
    sysmaint_relay_bridge::Config {
        port: reader.value("RELAY_PORT", 8080),
        bind: reader.value("RELAY_BIND", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        shards: BusConfig::SHARDS,
        replicas: 1,
        durability: EffectiveDurability::Unknown,
        operator_token: reader.secret("SYSMAINT_OPERATOR_TOKEN"),
        limits: limits(reader),
    }
}

fn limits(reader: &mut Reader) -> LimitSettings {
    let mut bounded = |name, default: NonZeroU32| {
        let value = reader.value(name, default);
        if value.get() > LimitSettings::MAX {
            reader.reject(name, format!("must be at most {}", LimitSettings::MAX));
        }
        value
    };
    let default = LimitSettings::default();
    LimitSettings {
        message_burst: bounded("RELAY_MESSAGE_BURST", default.message_burst),
        messages_per_s: bounded("RELAY_MESSAGES_PER_S", default.messages_per_s),
        prekey_fetches: bounded("RELAY_PREKEY_FETCHES", default.prekey_fetches),
        registrations: bounded("RELAY_REGISTRATIONS", default.registrations),
        requests_per_s: bounded("RELAY_REQUESTS_PER_S", default.requests_per_s),
    }
}

fn web(reader: &mut Reader) -> sysmaint_web::Config {
    let bounds = Duration::from_millis(100)..=Duration::from_mins(10);
    let default = Duration::from_secs(25);
    sysmaint_web::Config {
        port: reader.value("WEB_PORT", 3000),
        bind: reader.value("WEB_BIND", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        alice: reader.value("ALICE_ID", identities::alice()),
        bob: reader.value("BOB_ID", identities::bob()),
        agent: reader.value("SYSMAINT_ID", identities::agent()),
        chat_timeout: reader.duration_ms("SYSMAINT_CHAT_TIMEOUT_MS", default, bounds),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_example_lists_every_setting_and_no_other() {
        let mut reader = Reader::new(Layers::new());
        let _ = Settings::from_reader(&mut reader);
        // The logging library reads this one by itself.
        let mut read: BTreeSet<String> = BTreeSet::from(["RUST_LOG".to_owned()]);
        read.extend(reader.described().into_iter().map(|variable| variable.name.to_string()));
        // Found by the part that starts nats-server.
        read.insert("NATS_SERVER_BIN".to_owned());
        let example = include_str!("../../.env.example");
        let listed: BTreeSet<String> = example
            .lines()
            .filter_map(|line| line.trim_start_matches('#').split_once('='))
            .map(|(name, _)| name.to_owned())
            .filter(|name| {
                name.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            })
            .collect();
        assert_eq!(read, listed);
    }

    #[test]
    fn a_limit_of_the_relay_is_at_least_one_and_not_beyond_reason() {
        let wrong = [("RELAY_MESSAGE_BURST", "0"), ("RELAY_PREKEY_FETCHES", "1000001")];
        let wrong = wrong.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut reader = Reader::new(Layers::new().variables(wrong));
        let _ = Settings::from_reader(&mut reader);
        let text = reader.finish().unwrap_err().to_string();
        assert!(
            text.contains("RELAY_MESSAGE_BURST") && text.contains("RELAY_PREKEY_FETCHES"),
            "{text}"
        );
        assert!(text.contains("at most 1000000"), "{text}");
    }

    #[test]
    fn every_mistake_is_said_at_once() {
        let wrong = [("WEB_PORT", "high"), ("ALICE_ID", "Alice"), ("SYSMAINT_DURABILITY", "best")];
        let wrong = wrong.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut reader = Reader::new(Layers::new().variables(wrong));
        let _ = Settings::from_reader(&mut reader);
        let text = reader.finish().unwrap_err().to_string();
        for name in ["WEB_PORT", "ALICE_ID", "SYSMAINT_DURABILITY"] {
            assert!(text.contains(name), "{text}");
        }
    }
}

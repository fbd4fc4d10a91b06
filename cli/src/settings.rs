//! All settings of all services, read at once so that every mistake is said at once.

#[cfg(test)]
mod reference;
mod web;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use secrecy::SecretString;
use sysmaint_bus::{
    BusConfig, ClientIdentity, ClientTls, EffectiveDurability, RelayUrl,
    conf::{Durability, ServerTls},
};
use sysmaint_protocol::{Handle, identities};
use sysmaint_relay_bridge::{DiagnosticsAccess, LimitSettings};
use sysmaint_service::{
    config::{FILE_NAME, Layers, Reader},
    exit::Exit,
    http_server::{Limits, TlsFiles},
    logging::LogFormat,
    metrics::OtlpConfig,
};

use self::web::web;
use crate::{args::Args, failure::Failure};

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) log_format: LogFormat,
    pub(crate) observation: ObservationSettings,
    pub(crate) passphrase: Option<SecretString>,
    pub(crate) trust_root: Option<PathBuf>,
    /// Where the reader finds secrets that are not set otherwise.
    _secrets_dir: Option<PathBuf>,
    /// `RELAY_DB`: the audit, where it is not in the data directory.
    pub(crate) relay_db: Option<PathBuf>,
    pub(crate) nats: NatsSettings,
    pub(crate) relay_access: RelayAccess,
    /// `SYSMAINT_JOIN`: the line of an invitation.
    pub(crate) join_line: Option<SecretString>,
    /// `SYSMAINT_CLI_ID`: the command line's own device.
    pub(crate) cli_identity: Handle,
    /// Whether `DIAG_PROBE_ID` is set.
    pub(crate) probe_is_named: bool,
    pub(crate) relay: sysmaint_relay_bridge::Config,
    pub(crate) agent: sysmaint_agent::Config,
    pub(crate) probe: sysmaint_probe::Config,
    pub(crate) web: sysmaint_web::Config,
}

/// Where the process's numbers go.
#[derive(Debug)]
pub(crate) struct ObservationSettings {
    /// `SYSMAINT_METRICS_BIND`: where a process without HTTP of its own serves `/metrics`.
    pub(crate) bind: Option<SocketAddr>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and what belongs to it.
    pub(crate) otlp: Option<OtlpConfig>,
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
    /// `NATS_CA_FILE`, `NATS_CLIENT_CERT_FILE` and `NATS_CLIENT_KEY_FILE`: TLS as a client.
    pub(crate) tls: ClientTls,
    /// `NATS_LISTEN`: where the server listens that `nats-conf` describes.
    pub(crate) listen: Option<SocketAddr>,
    /// `NATS_TLS_CERT_FILE` and `NATS_TLS_KEY_FILE`: with what that server proves who it is.
    pub(crate) server_tls: Option<ServerTls>,
}

/// How the relay is reached from elsewhere.
#[derive(Debug)]
pub(crate) struct RelayAccess {
    /// `RELAY_URL`: its bridges, the first one first.
    pub(crate) urls: Vec<RelayUrl>,
    /// `RELAY_CA_FILE`: roots for TLS beside the system's.
    pub(crate) ca_file: Option<PathBuf>,
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
        let operator_token = reader.secret("SYSMAINT_OPERATOR_TOKEN");
        let mut settings = Self {
            data_dir: reader.path("SYSMAINT_DATA_DIR", "./data"),
            log_format: reader.value("LOG_FORMAT", LogFormat::default()),
            observation: ObservationSettings {
                bind: reader.optional("SYSMAINT_METRICS_BIND"),
                otlp: OtlpConfig::from_reader(reader),
            },
            passphrase: reader.secret("MEGA_PASSPHRASE"),
            trust_root: reader.optional("SYSMAINT_TRUST_ROOT_FILE"),
            _secrets_dir: reader.optional("SYSMAINT_SECRETS_DIR"),
            relay_db: reader.optional("RELAY_DB"),
            nats: NatsSettings::from_reader(reader),
            relay_access: RelayAccess {
                urls: reader.list("RELAY_URL", Vec::new()),
                ca_file: reader.optional("RELAY_CA_FILE"),
            },
            join_line: reader.secret("SYSMAINT_JOIN"),
            cli_identity: reader.value("SYSMAINT_CLI_ID", identities::cli()),
            probe_is_named: reader.optional::<Handle>("DIAG_PROBE_ID").is_some(),
            relay: relay(reader, operator_token.clone()),
            agent: sysmaint_agent::Config::read(reader),
            probe: sysmaint_probe::Config::read(reader),
            web: web(reader, operator_token),
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
        let services = [&self.web.alice, &self.web.bob, &self.agent.identity, &self.probe.identity];
        if services.contains(&&self.cli_identity) {
            reader.reject("SYSMAINT_CLI_ID", "must differ from the handles of the services");
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
    }
}

impl NatsSettings {
    fn from_reader(reader: &mut Reader) -> Self {
        let durability: Option<Chosen> = reader.optional("SYSMAINT_DURABILITY");
        let client = pair(reader, "NATS_CLIENT_CERT_FILE", "NATS_CLIENT_KEY_FILE");
        let server = pair(reader, "NATS_TLS_CERT_FILE", "NATS_TLS_KEY_FILE");
        Self {
            port: reader.value("NATS_PORT", 4222),
            url: reader.optional("NATS_URL"),
            nkey_file: reader.optional("NATS_NKEY_FILE"),
            durability: durability.map_or(Durability::Power, |chosen| chosen.0),
            tls: ClientTls {
                authorities: reader.optional("NATS_CA_FILE"),
                identity: client.map(|(certificate, key)| ClientIdentity { certificate, key }),
            },
            listen: reader.optional("NATS_LISTEN"),
            server_tls: server.map(|(certificate, key)| ServerTls { certificate, key }),
        }
    }
}

/// A certificate and its key: both or none.
fn pair(
    reader: &mut Reader,
    certificate: &'static str,
    key: &'static str,
) -> Option<(PathBuf, PathBuf)> {
    match (reader.optional(certificate), reader.optional(key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            reader.reject(key, format!("is needed beside {certificate}"));
            None
        }
        (None, Some(_)) => {
            reader.reject(certificate, format!("is needed beside {key}"));
            None
        }
    }
}

fn relay(
    reader: &mut Reader,
    operator_token: Option<SecretString>,
) -> sysmaint_relay_bridge::Config {
    sysmaint_relay_bridge::Config {
        port: reader.value("RELAY_PORT", 8080),
        bind: reader.value("RELAY_BIND", IpAddr::V4(Ipv4Addr::LOCALHOST)),
        shards: BusConfig::SHARDS,
        replicas: replicas(reader),
        durability: EffectiveDurability::Unknown,
        audit_retention: audit_retention(reader),
        operator_token,
        diagnostics: reader.value("RELAY_DIAGNOSTICS", DiagnosticsAccess::default()),
        sockets: sockets(reader),
        http: relay_limits(reader),
        tls: TlsFiles::from_reader(reader, "RELAY_TLS_CERT_FILE", "RELAY_TLS_KEY_FILE"),
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

fn sockets(reader: &mut Reader) -> sysmaint_relay_bridge::SocketSettings {
    let usual = sysmaint_relay_bridge::SocketSettings::default();
    let max = reader.value("RELAY_MAX_SOCKETS", usual.max);
    sysmaint_relay_bridge::SocketSettings { max, ..usual }
}

fn relay_limits(reader: &mut Reader) -> Limits {
    let default = Limits::default();
    let bounds = Duration::from_millis(100)..=Duration::from_mins(10);
    let limits = Limits {
        connections: reader.value("RELAY_MAX_CONNECTIONS", default.connections),
        connections_per_peer: reader
            .value("RELAY_MAX_CONNECTIONS_PER_PEER", default.connections_per_peer),
        header_time: reader.duration_ms("RELAY_HEADER_TIMEOUT_MS", default.header_time, bounds),
        ..default
    };
    if limits.connections == 0 {
        reader.reject("RELAY_MAX_CONNECTIONS", "nobody could connect; use at least 1");
    }
    if limits.connections_per_peer == 0 {
        let reason = "no other machine could connect; use at least 1";
        reader.reject("RELAY_MAX_CONNECTIONS_PER_PEER", reason);
    }
    limits
}

fn audit_retention(reader: &mut Reader) -> Duration {
    let bounds = 1..=3650;
    let days = reader.value("RELAY_AUDIT_DAYS", 90);
    if !bounds.contains(&days) {
        reader.reject("RELAY_AUDIT_DAYS", "must be 1 to 3650 days");
    }
    Duration::from_hours(24 * days)
}

/// Two copies would be no better than one: either of two servers alone is no majority.
fn replicas(reader: &mut Reader) -> usize {
    let replicas = reader.value("NATS_REPLICAS", 1_u8);
    if !matches!(replicas, 1 | 3) {
        reader.reject("NATS_REPLICAS", "use 1 (one server) or 3 (a cluster of three or more)");
    }
    replicas.into()
}

/// What is said of settings, or nothing.
#[cfg(test)]
fn complaint(settings: &[(&str, &str)]) -> String {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut reader = Reader::new(Layers::new().variables(settings));
    let _ = Settings::from_reader(&mut reader);
    reader.finish().map_or_else(|errors| errors.to_string(), |()| String::new())
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
        let text = complaint(&[("RELAY_MESSAGE_BURST", "0"), ("RELAY_PREKEY_FETCHES", "1000001")]);
        assert!(
            text.contains("RELAY_MESSAGE_BURST") && text.contains("RELAY_PREKEY_FETCHES"),
            "{text}"
        );
        assert!(text.contains("at most 1000000"), "{text}");
    }

    #[test]
    fn every_mistake_is_said_at_once() {
        let text = complaint(&[
            ("WEB_PORT", "high"),
            ("ALICE_ID", "Alice"),
            ("SYSMAINT_DURABILITY", "best"),
            ("NATS_REPLICAS", "2"),
            ("NATS_TLS_CERT_FILE", "/cert.pem"),
        ]);
        for name in
            ["WEB_PORT", "ALICE_ID", "SYSMAINT_DURABILITY", "NATS_REPLICAS", "NATS_TLS_KEY_FILE"]
        {
            assert!(text.contains(name), "{text}");
        }
    }
}

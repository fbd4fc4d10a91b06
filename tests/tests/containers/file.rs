//! What the file hands on.

use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../.env.example");
const FILE: &str = include_str!("../../../docker-compose.yml");

/// Settings that the file decides, or that mean nothing in it.
const DECIDED: [&str; 24] = [
    "MEGA_PASSPHRASE",
    "NATS_CA_FILE",
    "NATS_CLIENT_CERT_FILE",
    "NATS_CLIENT_KEY_FILE",
    "NATS_NKEY_FILE",
    "NATS_PORT",
    "NATS_SERVER_BIN",
    "NATS_TLS_CERT_FILE",
    "NATS_TLS_KEY_FILE",
    "OPENAI_API_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "RELAY_CA_FILE",
    "RELAY_DB",
    "RELAY_TLS_CERT_FILE",
    "RELAY_TLS_KEY_FILE",
    "SYSMAINT_DATA_DIR",
    "SYSMAINT_JOIN",
    "SYSMAINT_METRICS_BIND",
    "SYSMAINT_OPERATOR_TOKEN",
    "SYSMAINT_SECRETS_DIR",
    "WEB_PASSWORD",
    "WEB_TLS_CERT_FILE",
    "WEB_TLS_KEY_FILE",
    "NATS_URL",
];

#[test]
fn every_setting_of_the_example_is_handed_on_or_decided() {
    let settings = EXAMPLE
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter))
        });
    let lost: BTreeSet<_> = settings
        .filter(|name| !DECIDED.contains(name) && !FILE.contains(&format!("{name}: ")))
        .collect();
    assert!(lost.is_empty(), "docker-compose.yml does not hand on {lost:?}");
}

#[test]
fn ports_are_published_on_loopback_alone_and_no_secret_is_in_an_environment() {
    let ports: Vec<_> = FILE.lines().filter(|line| line.trim().starts_with("ports:")).collect();
    assert_eq!(ports.len(), 2);
    assert!(ports.iter().all(|line| line.contains("\"127.0.0.1:")), "{ports:?}");
    for secret in ["MEGA_PASSPHRASE", "OPENAI_API_KEY", "WEB_PASSWORD", "SYSMAINT_OPERATOR_TOKEN"] {
        assert!(!FILE.contains(&format!("${{{secret}")), "{secret} would stand in an environment");
    }
}

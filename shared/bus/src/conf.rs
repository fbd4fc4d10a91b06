//! The server's configuration: `nats.conf` at the root of the repository, filled in.

use std::{fmt::Write as _, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{BusConfig, Permissions, Role, permissions::Account};

/// The file that people read; the only source of what is rendered.
const TEMPLATE: &str = include_str!("../../../nats.conf");

/// What a confirmed message is to survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut: every write reaches the disk before it is confirmed.
    #[default]
    Power,
    /// The end of the process: the disk is brought up to date every two minutes.
    Process,
}

/// One user of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsUser {
    /// For the comment beside it, such as `agent`.
    pub name: String,
    /// The public nkey.
    pub public_key: String,
    /// Where its answers go: see [`Credentials::inbox_prefix`](crate::Credentials::inbox_prefix).
    pub inbox_prefix: String,
    /// What it is for.
    pub role: Role,
}

impl NatsUser {
    /// The user that these credentials log in.
    pub fn new(name: &str, credentials: &crate::Credentials, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            public_key: credentials.public_key(),
            inbox_prefix: credentials.inbox_prefix(),
            role,
        }
    }
}

/// All that differs from one server to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port, such as `127.0.0.1:4222`.
    pub listen: String,
    /// Where JetStream keeps its files.
    pub store_dir: PathBuf,
    /// Where the server writes its log; absent: standard error.
    pub log_file: Option<PathBuf>,
    /// What a confirmed message is to survive.
    pub durability: Durability,
    /// What all streams may fill together.
    pub max_file_bytes: u64,
    /// Mailbox streams.
    pub shards: u32,
    /// Everybody who may log in whatever the relay says.
    pub users: Vec<NatsUser>,
    /// The public key of whoever may let others in, see [`Issuer`](crate::Issuer).
    pub issuer: Option<String>,
    /// With what the server proves who it is; absent on the loopback interface.
    pub tls: Option<ServerTls>,
}

/// The server's certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The chain, its own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl ServerConfig {
    /// What all streams may fill unless configured otherwise.
    pub const MAX_FILE_BYTES: u64 = 20 * 1024 * 1024 * 1024;

    /// With the usual limits and nobody who may log in.
    pub fn new(listen: &str, store_dir: PathBuf) -> Self {
        Self {
            listen: listen.to_owned(),
            store_dir,
            log_file: None,
            durability: Durability::Power,
            max_file_bytes: Self::MAX_FILE_BYTES,
            shards: BusConfig::SHARDS,
            users: Vec::new(),
            issuer: None,
            tls: None,
        }
    }
}

/// A complete `nats.conf`. It names no secret: seeds stay with their owners.
pub fn render(config: &ServerConfig) -> String {
    let log = config.log_file.as_ref().map_or_else(String::new, |path| {
        format!(
            "log_file: {}, logfile_size_limit: 10MB, logfile_max_num: 3",
            quoted(&path.display())
        )
    });
    let sync = match config.durability {
        Durability::Power => "always",
        Durability::Process => "\"2m\"",
    };
    fill(&[
        ("NATS_LISTEN", &quoted(&config.listen)),
        ("NATS_TLS", &config.tls.as_ref().map_or_else(String::new, tls)),
        ("NATS_LOG", &log),
        ("NATS_STORE_DIR", &quoted(&config.store_dir.display())),
        ("NATS_SYNC_INTERVAL", sync),
        ("NATS_MAX_FILE_BYTES", &config.max_file_bytes.to_string()),
        ("NATS_USERS", &users(config, Account::Relay)),
        ("NATS_CALLOUT_USERS", &users(config, Account::Callout)),
        ("NATS_SYSTEM_USERS", &users(config, Account::System)),
        ("NATS_CALLOUT", &callout(config)),
    ])
}

/// Replaces `${NAME}` by its value. Values are not looked at again.
fn fill(values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(TEMPLATE.len() * 2);
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => text.push_str(value),
            None => {
                let _infallible = write!(text, "${{{name}}}");
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

fn tls(tls: &ServerTls) -> String {
    let (certificate, key) = (quoted(&tls.certificate.display()), quoted(&tls.key.display()));
    format!("tls {{ cert_file: {certificate}, key_file: {key}, timeout: 5 }}")
}

/// Users of an account are asked about only where the account is in `allowed_accounts`, unless
/// they are in `auth_users`. So nobody who is listed is asked about, and no service depends on the
/// relay's answers. The two lists are read at the start alone, so they name nobody whose key is
/// rotated while the server runs.
fn callout(config: &ServerConfig) -> String {
    let answers = config.users.iter().find(|user| user.role == Role::Callout);
    let (Some(issuer), Some(answers)) = (&config.issuer, answers) else { return String::new() };
    format!(
        "authorization {{\n  timeout: 5\n  auth_callout {{ issuer: {issuer}, account: AUTH, \
         allowed_accounts: [ AUTH ], auth_users: [ {} ] }}\n}}",
        answers.public_key
    )
}

fn users(config: &ServerConfig, account: Account) -> String {
    config
        .users
        .iter()
        .filter(|user| user.role.account() == account)
        .map(|user| render_user(user, config.shards))
        .collect()
}

fn render_user(user: &NatsUser, shards: u32) -> String {
    let Permissions { publish, subscribe } = user.role.permissions(&user.inbox_prefix, shards);
    let name: String = user.name.chars().filter(|c| !c.is_control()).collect();
    format!(
        "\n      # {name}\n      {{ nkey: {}, permissions {{\n          publish {}\n          \
         subscribe {}\n      }} }}",
        user.public_key,
        list(&publish),
        list(&subscribe),
    )
}

/// An empty list of what is allowed would allow everything.
fn list(subjects: &[String]) -> String {
    if subjects.is_empty() {
        return "{ deny: [\">\"] }".to_owned();
    }
    let lines: Vec<_> = subjects.iter().map(|subject| quoted(subject)).collect();
    format!("{{ allow: [\n            {}\n          ] }}", lines.join("\n            "))
}

/// A string in the server's syntax, in which a backslash escapes.
fn quoted(text: &dyn ToString) -> String {
    let text = text.to_string();
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{DeviceId, subject::Mailbox};

    use super::*;

    fn config() -> ServerConfig {
        let user = |name: &str, role| NatsUser {
            name: name.to_owned(),
            public_key: format!("U{}", name.to_uppercase()),
            inbox_prefix: format!("_INBOX.{name}"),
            role,
        };
        let alice = Mailbox::new("alice".parse().unwrap(), DeviceId::FIRST);
        ServerConfig {
            users: vec![
                user("relay", Role::Relay),
                user("web", Role::Service(vec![alice.clone()])),
                user("tap", Role::Tap(vec![alice])),
                user("system", Role::System),
                user("callout", Role::Callout),
                user("kick", Role::Kick),
            ],
            issuer: Some("AISSUER".to_owned()),
            ..ServerConfig::new("127.0.0.1:4222", "/data/\"odd\" place".into())
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let text = render(&config());
        let filled: String =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        assert!(!filled.contains("${"), "{filled}");
        assert!(text.contains(r#"store_dir: "/data/\"odd\" place""#));
        assert!(text.contains("sync_interval: always"));
    }

    #[test]
    fn the_example_in_the_file_is_what_a_service_gets() {
        let alice = Mailbox::new("alice".parse().unwrap(), DeviceId::FIRST);
        let given = Role::Service(vec![alice]).permissions("_INBOX.x", 8).publish;
        let example = TEMPLATE.split_once("publish { allow: [").unwrap().1;
        let example = example.split_once("] }").unwrap().0;
        let listed: Vec<_> = example.split('"').skip(1).step_by(2).collect();
        assert_eq!(listed, given);
    }

    #[test]
    fn every_user_is_in_its_own_account_and_none_of_them_is_asked_about() {
        let text = render(&config());
        let (auth, system) = (text.find("\n  AUTH ").unwrap(), text.find("\n  SYS ").unwrap());
        let callout = text.find("\nauthorization ").unwrap();
        for (user, account) in [
            ("URELAY", 0..auth),
            ("UCALLOUT", auth..system),
            ("USYSTEM", system..callout),
            ("UKICK", system..callout),
        ] {
            let place = text.find(user).unwrap();
            assert!(account.contains(&place), "{user}");
            assert_eq!(text[callout..].contains(user), user == "UCALLOUT");
        }
        assert!(
            text[callout..].contains("issuer: AISSUER, account: AUTH, allowed_accounts: [ AUTH ]")
        );
    }

    #[test]
    fn without_an_issuer_nobody_is_asked_about_others() {
        let text = render(&ServerConfig { issuer: None, ..config() });
        assert!(!text.lines().any(|line| line.starts_with("authorization")), "{text}");
    }

    #[test]
    fn a_certificate_is_named_where_the_server_listens() {
        let files = ServerTls { certificate: "/etc/c.pem".into(), key: "/etc/k.pem".into() };
        let text = render(&ServerConfig { tls: Some(files), ..config() });
        let wanted = r#"tls { cert_file: "/etc/c.pem", key_file: "/etc/k.pem", timeout: 5 }"#;
        assert!(text.lines().any(|line| line == wanted), "{text}");
    }

    #[test]
    fn who_may_publish_nothing_is_denied_everything() {
        let text = render(&config());
        let tap = &text[text.find("UTAP").unwrap()..];
        assert!(tap[..tap.find("subscribe").unwrap()].contains(r#"publish { deny: [">"] }"#));
    }
}

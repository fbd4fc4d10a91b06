//! The server's configuration: `nats.conf` at the root of the repository, filled in.

use std::{fmt::Write as _, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{BusConfig, Permissions, Role};

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
    /// Everybody who may log in.
    pub users: Vec<NatsUser>,
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
        ("NATS_LOG", &log),
        ("NATS_STORE_DIR", &quoted(&config.store_dir.display())),
        ("NATS_SYNC_INTERVAL", sync),
        ("NATS_MAX_FILE_BYTES", &config.max_file_bytes.to_string()),
        ("NATS_USERS", &users(config, false)),
        ("NATS_SYSTEM_USERS", &users(config, true)),
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

fn users(config: &ServerConfig, system: bool) -> String {
    config
        .users
        .iter()
        .filter(|user| user.role.is_system() == system)
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
            ],
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
    fn system_users_are_in_the_system_account_alone() {
        let text = render(&config());
        let system = text.find("\n  SYS ").unwrap();
        assert!(text.find("USYSTEM").unwrap() > system);
        assert!(text.find("URELAY").unwrap() < system);
    }

    #[test]
    fn who_may_publish_nothing_is_denied_everything() {
        let text = render(&config());
        let tap = &text[text.find("UTAP").unwrap()..];
        assert!(tap[..tap.find("subscribe").unwrap()].contains(r#"publish { deny: [">"] }"#));
    }
}

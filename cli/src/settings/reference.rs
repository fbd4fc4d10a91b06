//! docs/configuration.md, made of what the code reads and what `.env.example` says about it.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path};

use sysmaint_service::config::{Layers, Reader, Variable};

use super::Settings;

const EXAMPLE: &str = include_str!("../../../.env.example");
const DOCUMENT: &str = "../docs/configuration.md";

const HEAD: &str = "\
# Configuration

Made by a test from the code and from [.env.example](../.env.example); do not edit it here.
`UPDATE_DOCS=1 cargo test --release -p sysmaint reference` writes it anew.

Every setting has a default. `sysmaint up` needs none of them.

## Where settings come from

The later one wins:

1. the default;
2. `sysmaint.toml` in the working directory, or the file that `--config` names: the same names in lower case
   (`relay_port = 8080`); a list may be a list there (`web_hosts = [\"monitor.example\"]`);
3. the environment: `RELAY_PORT=8080`. sysmaint reads no `.env` file by itself: `set -a; . ./.env; set +a` takes one
   into the shell, and Docker Compose reads the one beside `docker-compose.yml`;
4. the flag `--data-dir`, for `SYSMAINT_DATA_DIR`.

An empty value counts as not set. Every mistake is reported at once, with its name, and nothing starts (exit code 78). A
key of `sysmaint.toml` that nobody knows is a mistake too.

A **secret** never stands in `sysmaint.toml` or on a command line. For a secret `X`, the first of these that is there:

1. `X` in the environment, or `X_FILE`, the path of a file that holds it; both together are a mistake;
2. the file `x`, in lower case, in the directory that `SYSMAINT_SECRETS_DIR` names. Containers and systemd hand secrets on
   like that.

One line break at the end of such a file is not part of the secret.
";

/// What `.env.example` says about one setting.
struct Entry<'a> {
    section: &'a str,
    name: &'a str,
    /// The value behind `NAME=`.
    value: &'a str,
    /// Whether the line is a comment, so that its value is an example.
    is_example: bool,
    words: String,
}

fn entries() -> Vec<Entry<'static>> {
    let (mut section, mut words, mut is_told) = ("", String::new(), false);
    let mut entries = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(title) = line.strip_prefix("# --- ") {
            section = title.trim_end_matches(['-', ' ']);
            words.clear();
        } else if let Some(comment) = line.strip_prefix("# ") {
            if std::mem::take(&mut is_told) {
                words.clear();
            }
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(comment.trim());
        } else if let Some((name, value)) = line.trim_start_matches('#').split_once('=') {
            // What follows without words of its own belongs to the same ones.
            is_told = true;
            let is_example = line.starts_with('#');
            entries.push(Entry { section, name, value, is_example, words: words.clone() });
        }
    }
    entries
}

fn read() -> BTreeMap<&'static str, Variable> {
    let mut reader = Reader::new(Layers::new());
    let _ = Settings::from_reader(&mut reader);
    reader.described().into_iter().map(|variable| (variable.name, variable)).collect()
}

/// What holds where nobody sets it, as the code says, or else as the example does.
fn default_of(entry: &Entry<'_>, variable: Option<&Variable>) -> String {
    let said = variable.and_then(|variable| variable.default.as_deref()).filter(|d| !d.is_empty());
    match said {
        Some(default) => code(default),
        None if entry.value.is_empty() => "none".to_owned(),
        None if entry.is_example => format!("none; such as {}", code(entry.value)),
        None => code(entry.value),
    }
}

fn code(text: &str) -> String {
    // A cell breaks where it may: behind commas.
    text.split(',').map(|part| format!("`{part}`")).collect::<Vec<_>>().join(", ")
}

fn document() -> String {
    let read = read();
    let mut text = HEAD.to_owned();
    let mut section = "";
    for entry in entries() {
        if entry.section != section {
            section = entry.section;
            let _infallible = write!(
                text,
                "\n## {section}\n\n| variable | default | secret | |\n| --- | --- | --- | --- |\n"
            );
        }
        let variable = read.get(entry.name);
        let is_secret = variable.is_some_and(|variable| variable.secret);
        let words = entry.words.strip_prefix("Secret. ").unwrap_or(&entry.words);
        let _infallible = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            entry.name,
            default_of(&entry, variable),
            if is_secret { "yes" } else { "" },
            words.replace('|', "\\|"),
        );
    }
    text
}

#[test]
fn the_committed_document_is_what_the_code_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let made = document();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == made,
        "docs/configuration.md is not what the settings are; write it anew with\n\
         UPDATE_DOCS=1 cargo test --release -p sysmaint reference"
    );
}

#[test]
fn every_setting_has_words_and_a_secret_says_so() {
    let read = read();
    for entry in entries() {
        assert!(entry.words.len() > 10, "{} has no words in .env.example", entry.name);
        let is_secret = read.get(entry.name).is_some_and(|variable| variable.secret);
        assert_eq!(entry.words.starts_with("Secret. "), is_secret, "{}", entry.name);
    }
}

/// Whoever copies the example gets what somebody without it has.
#[test]
fn what_the_example_sets_is_the_default() {
    let read = read();
    for entry in entries().iter().filter(|entry| !entry.is_example) {
        let default = read.get(entry.name).and_then(|variable| variable.default.as_deref());
        if let Some(default) = default {
            let number = |text: &str| text.parse::<f64>().ok();
            let same = entry.value == default
                || number(default).is_some_and(|default| number(entry.value) == Some(default));
            assert!(same, "{}: {} and {default}", entry.name, entry.value);
        }
    }
}

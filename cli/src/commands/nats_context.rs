//! Contexts for the nats CLI: how a person logs in with the keys that were made for that.
//!
//! A context is a file of JSON in `~/.config/nats/context`, whose name is the context's.

use std::path::Path;

use serde::Serialize;
use sysmaint_bus::Credentials;
use sysmaint_service::{
    data_dir::{DataDir, owner_only_write},
    exit::Exit,
};

use crate::{
    failure::Failure,
    keyring::{self, Service},
};

/// In the data directory, so that `XDG_CONFIG_HOME=<data directory>/nats-cli` finds them.
pub(super) const DIRECTORY: &str = "nats-cli/nats/context";

/// As the nats CLI reads it.
#[derive(Serialize)]
struct Context<'a> {
    description: &'a str,
    url: &'a str,
    nkey: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<&'a Path>,
    /// Answers to others' inboxes are not for this user.
    inbox_prefix: String,
}

/// Who it is for: a name, a key, and what it can do.
const CONTEXTS: [(&str, Service, &str); 2] = [
    ("sysmaint", Service::Operator, "sysmaint: envelopes and the state of streams, read only"),
    ("sysmaint-system", Service::System, "sysmaint: reports of the nats-server itself"),
];

/// Writes them for a server at `url`, whose certificate comes from `ca`.
pub(super) fn write(data: &DataDir, url: &str, ca: Option<&Path>) -> Result<(), Failure> {
    let io = |error| Failure::new(Exit::CannotCreate, error);
    let directory = data.join(DIRECTORY);
    std::fs::create_dir_all(&directory).map_err(io)?;
    for (name, service, description) in CONTEXTS {
        let key = keyring::path(data, service);
        let credentials =
            Credentials::read(&key).map_err(|error| Failure::new(Exit::CannotCreate, error))?;
        // It is copied elsewhere, where relative paths would lead nowhere.
        let nkey = std::path::absolute(&key).map_err(io)?;
        let inbox_prefix = credentials.inbox_prefix();
        let context = Context { description, url, nkey: &nkey, ca, inbox_prefix };
        let text = serde_json::to_string_pretty(&context)
            .map_err(|error| Failure::new(Exit::Failure, error))?;
        let path = directory.join(format!("{name}.json"));
        owner_only_write(&path, format!("{text}\n").as_bytes()).map_err(io)?;
    }
    Ok(())
}

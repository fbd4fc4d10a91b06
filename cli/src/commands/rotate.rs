//! `sysmaint nats-conf --rotate`: another key for a service, while everything runs.
//!
//! The new key goes into each nats.conf in the place of the old one, then into the key's file, and
//! the server is told. It ends the service's connection, which logs in again with what the file
//! holds by then. Its inbox prefix stays, so that nothing else in the configuration changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sysmaint_bus::{Credentials, RunningServer};
use sysmaint_service::{data_dir::owner_only_write, exit::Exit};

use crate::{
    data_files,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
};

/// Where `nats-conf` and `up` write what they render.
const CONFIGURATIONS: [&str; 2] = ["nats.conf", "nats/nats.conf"];

/// Makes a new key, and says what is left to do.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn run(settings: &Settings, service: Service) -> Result<(), Failure> {
    if service == Service::Callout {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!(
                "nats-server reads the callout user at its start alone: stop everything, remove \
                 keys/callout.nk, and start again"
            ),
        ));
    }
    let data = data_files::open_shared(settings)?;
    let path = keyring::path(&data, service);
    let cannot = |error| Failure::new(Exit::CannotCreate, error);
    let old = Credentials::read(&path).map_err(cannot)?;
    let new = old.rotated().map_err(cannot)?;
    let (old_key, new_key) = (old.public_key(), new.public_key());

    let mut changed = Vec::new();
    for configuration in CONFIGURATIONS.map(|name| data.join(name)) {
        let file = |error| file_failure(&configuration, error);
        let Some(text) = read(&configuration).map_err(file)? else { continue };
        if text.contains(&old_key) {
            owner_only_write(&configuration, text.replace(&old_key, &new_key).as_bytes())
                .map_err(file)?;
            changed.push(configuration);
        }
    }
    if changed.is_empty() {
        return Err(Failure::new(
            Exit::Config,
            anyhow::anyhow!(
                "no nats.conf in {} lists the {}'s key: write one with `sysmaint nats-conf`, or \
                 start `sysmaint up` once",
                data.path().display(),
                service.name()
            ),
        ));
    }
    new.replace(&path).map_err(cannot)?;
    println!("wrote {}; copies of it elsewhere are worthless now", path.display());
    for path in &changed {
        println!("wrote {}", path.display());
    }
    reload(data_dir_server(data.path(), &changed), &changed)
}

/// The server that `up` runs, if the configuration that changed is its own.
fn data_dir_server(data: &Path, changed: &[PathBuf]) -> Option<RunningServer> {
    let running = RunningServer::find(data)?;
    let same = |path: &PathBuf| path.canonicalize().is_ok_and(|path| path == running.conf());
    changed.iter().any(same).then_some(running)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn reload(running: Option<RunningServer>, changed: &[PathBuf]) -> Result<(), Failure> {
    if let Some(server) = running {
        server.reload().map_err(|error| Failure::new(Exit::Io, error))?;
        println!("nats-server (process {}) reads its configuration again", server.pid());
        return Ok(());
    }
    for path in changed {
        println!(
            "next: have the nats-server that uses {} read it again:\n      nats-server --signal \
             reload=<its process id>, or docker kill -s HUP <its container>",
            path.display()
        );
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn file_failure(path: &Path, error: io::Error) -> Failure {
    let what = format!("cannot change {}", path.display());
    Failure::new(Exit::Io, anyhow::Error::new(error).context(what))
}

//! `sysmaint nats-conf --hand-out`: each service gets its own keys and secrets, and no other's.
//!
//! For containers: one that runs first has everybody's volumes mounted, fills them and ends. Run
//! again, it writes what has changed, and takes away a secret that is not set any more.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use sysmaint_service::{
    config::{Layers, Reader},
    data_dir::{DataDir, owner_only_write},
    exit::Exit,
    passphrase::Passphrase,
};

use super::{nats_conf, nats_context};
use crate::{
    data_files,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
};

/// What one service gets.
struct Share {
    name: &'static str,
    keys: &'static [Service],
    /// Lets devices in.
    issuer: bool,
    secrets: &'static [&'static str],
}

const SHARES: [Share; 5] = [
    Share {
        name: "relay",
        keys: &[Service::Relay, Service::Callout, Service::Kick, Service::System],
        issuer: true,
        secrets: &[PASSPHRASE, "SYSMAINT_OPERATOR_TOKEN"],
    },
    Share {
        name: "agent",
        keys: &[Service::Agent],
        issuer: false,
        secrets: &[PASSPHRASE, "OPENAI_API_KEY"],
    },
    Share { name: "probe", keys: &[Service::Probe], issuer: false, secrets: &[PASSPHRASE] },
    Share {
        name: "web",
        keys: &[Service::Web, Service::Tap],
        issuer: false,
        secrets: &[PASSPHRASE, "SYSMAINT_OPERATOR_TOKEN", "WEB_PASSWORD"],
    },
    // A person with the nats CLI.
    Share {
        name: OPERATOR,
        keys: &[Service::Operator, Service::System],
        issuer: false,
        secrets: &[],
    },
];

/// Of the stores. One that is not given was made up and is kept.
const PASSPHRASE: &str = "MEGA_PASSPHRASE";
const OPERATOR: &str = "operator";

/// Writes everything, and says where.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn run(settings: &Settings, directory: &Path) -> Result<(), Failure> {
    let data = data_files::open(settings)?;
    let written = nats_conf::write(settings, &data)?;
    copy(&written.path, &made(&directory.join("nats"))?.join("nats.conf"))?;
    let passphrase = Passphrase::resolve(settings.passphrase.clone(), &data)
        .map_err(|error| Failure::new(Exit::Config, error))?;
    for share in &SHARES {
        share.keys(&data, &directory.join(share.name))?;
        share.secrets(&passphrase.secret, &directory.join(format!("{}-secrets", share.name)))?;
        println!("{}: has what it needs", share.name);
    }
    contexts(&data, &directory.join(OPERATOR))
}

/// How the nats CLI finds the operator's keys, at the same place as here.
fn contexts(data: &DataDir, directory: &Path) -> Result<(), Failure> {
    let (from, to) = (data.join(nats_context::DIRECTORY), directory.join(nats_context::DIRECTORY));
    let entries = fs::read_dir(&from).map_err(|error| failed(&from, error))?;
    let to = made(&to)?;
    for entry in entries {
        let path = entry.map_err(|error| failed(&from, error))?.path();
        copy(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

impl Share {
    fn keys(&self, data: &DataDir, directory: &Path) -> Result<(), Failure> {
        let to = made(&made(directory)?.join(keyring::DIRECTORY))?;
        let own = self.keys.iter().map(|service| keyring::path(data, *service));
        for path in own.chain(self.issuer.then(|| keyring::issuer_path(data))) {
            let name = path.file_name().unwrap_or_default();
            copy(&path, &to.join(name))?;
        }
        Ok(())
    }

    fn secrets(&self, passphrase: &SecretString, directory: &Path) -> Result<(), Failure> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let directory = made(directory)?;
        for name in self.secrets {
            let path = directory.join(file_name(name));
            let secret = if *name == PASSPHRASE { Some(passphrase.clone()) } else { given(name) };
            match secret {
                Some(secret) => write(&path, &secret)?,
                None => remove(&path)?,
            }
        }
        Ok(())
    }
}

/// As the environment has it, or the file or directory that it names.
fn given(name: &'static str) -> Option<SecretString> {
    Reader::new(Layers::new().environment()).secret(name)
}

/// As `SYSMAINT_SECRETS_DIR` wants it.
fn file_name(secret: &str) -> String {
    secret.to_ascii_lowercase()
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let content = fs::read(from).map_err(|error| failed(from, error))?;
    write_changed(to, &content)
}

fn write(path: &Path, secret: &SecretString) -> Result<(), Failure> {
    write_changed(path, secret.expose_secret().as_bytes())
}

/// A service that runs meanwhile reads whole files only, and finds unchanged ones untouched.
fn write_changed(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    owner_only_write(path, content).map_err(|error| failed(path, error))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

fn made(directory: &Path) -> Result<PathBuf, Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map(|()| directory.to_owned()).map_err(|error| failed(directory, error))
}

fn failed(path: &Path, error: io::Error) -> Failure {
    let text = format!("{} cannot be written", path.display());
    Failure::new(Exit::CannotCreate, anyhow::Error::new(error).context(text))
}

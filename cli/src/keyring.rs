//! One NATS key a service, in the data directory.

use std::{
    fs::{DirBuilder, create_dir_all},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use sysmaint_bus::{Credentials, CredentialsError, Issuer, Role, conf::NatsUser};
use sysmaint_protocol::{DeviceId, Handle, subject::Mailbox};
use sysmaint_service::{data_dir::DataDir, exit::Exit};

use crate::{failure::Failure, settings::Settings};

/// In a data directory.
pub(crate) const DIRECTORY: &str = "keys";
const ISSUER: &str = "issuer.nk";

/// Who logs in to NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Service {
    /// Answers questions
    Agent,
    /// The command line itself
    Cli,
    /// The relay's user that says who else may log in
    Callout,
    /// The relay's user that ends connections of revoked devices
    Kick,
    /// A person with the nats CLI
    Operator,
    /// Watches this machine
    Probe,
    /// Directory, certificate authority and HTTP API
    Relay,
    /// Reads the server's own state
    System,
    /// The demo's view of the wire
    Tap,
    /// Dashboard, chat and demo
    Web,
}

impl Service {
    const ALL: [Self; 10] = [
        Self::Relay,
        Self::Agent,
        Self::Probe,
        Self::Web,
        Self::Cli,
        Self::Tap,
        Self::Operator,
        Self::Callout,
        Self::System,
        Self::Kick,
    ];

    /// Its name in file names, in nats.conf, and of its connection.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Cli => "cli",
            Self::Callout => "callout",
            Self::Kick => "kick",
            Self::Operator => "operator",
            Self::Probe => "probe",
            Self::Relay => "relay",
            Self::System => "system",
            Self::Tap => "tap",
            Self::Web => "web",
        }
    }

    fn role(self, settings: &Settings) -> Role {
        let own = |handles: &[&Handle]| {
            handles.iter().map(|handle| Mailbox::new((*handle).clone(), DeviceId::FIRST)).collect()
        };
        let demo = [&settings.web.alice, &settings.web.bob];
        match self {
            Self::Agent => Role::Service(own(&[&settings.agent.identity])),
            Self::Cli => Role::Service(own(&[&settings.cli_identity])),
            Self::Callout => Role::Callout,
            Self::Kick => Role::Kick,
            Self::Operator => Role::Operator,
            Self::Probe => Role::Service(own(&[&settings.probe.identity])),
            Self::Relay => Role::Relay,
            Self::System => Role::System,
            Self::Tap => Role::Tap(own(&demo)),
            Self::Web => Role::Service(own(&demo)),
        }
    }
}

/// Where a service's key is.
pub(crate) fn path(data: &DataDir, service: Service) -> PathBuf {
    data.join(DIRECTORY).join(format!("{}.nk", service.name()))
}

/// Where the key is that lets devices in.
pub(crate) fn issuer_path(data: &DataDir) -> PathBuf {
    data.join(DIRECTORY).join(ISSUER)
}

/// Everybody's entry in nats.conf; makes the keys that are missing.
pub(crate) fn users(settings: &Settings, data: &DataDir) -> Result<Vec<NatsUser>, Failure> {
    create(&data.join(DIRECTORY))?;
    Service::ALL
        .into_iter()
        .map(|service| {
            let credentials = read_or_make(&path(data, service))?;
            Ok(NatsUser::new(service.name(), &credentials, service.role(settings)))
        })
        .collect()
}

/// The relay's key that lets devices in; made if it is missing.
pub(crate) fn issuer(data: &DataDir) -> Result<Issuer, Failure> {
    let path = issuer_path(data);
    create(&data.join(DIRECTORY))?;
    let issuer = if path.exists() {
        Issuer::read(&path)
    } else {
        Issuer::generate().and_then(|made| made.write_new(&path).map(|()| made))
    };
    issuer.map_err(|error| Failure::new(Exit::CannotCreate, error))
}

/// The same, where somebody made one.
pub(crate) fn optional_issuer(data: &DataDir) -> Result<Issuer, CredentialsError> {
    Issuer::read(&issuer_path(data))
}

/// A service's key: the one named in `NATS_NKEY_FILE`, or its own in the data directory.
pub(crate) fn credentials(
    settings: &Settings,
    data: &DataDir,
    service: Service,
) -> Result<Credentials, Failure> {
    let named = settings.nats.nkey_file.clone();
    let path = named.unwrap_or_else(|| path(data, service));
    Credentials::read(&path).map_err(|error| {
        Failure::new(
            Exit::Config,
            anyhow::Error::new(error).context(format!(
                "the {}'s key for NATS is needed: name it in NATS_NKEY_FILE, or make all keys \
                 with `sysmaint nats-conf`; away from NATS, `sysmaint join` or set RELAY_URL",
                service.name()
            )),
        )
    })
}

/// A further key that a service can do without.
pub(crate) fn optional(data: &DataDir, service: Service) -> Option<Credentials> {
    Credentials::read(&path(data, service)).ok()
}

fn create(directory: &Path) -> Result<(), Failure> {
    let made = if directory.exists() {
        create_dir_all(directory)
    } else {
        DirBuilder::new().mode(0o700).create(directory)
    };
    made.map_err(|error| Failure::new(Exit::CannotCreate, error))
}

fn read_or_make(path: &Path) -> Result<Credentials, Failure> {
    let failed = |error| Failure::new(Exit::CannotCreate, error);
    if path.exists() {
        return Credentials::read(path).map_err(failed);
    }
    let credentials = Credentials::generate().map_err(failed)?;
    credentials.write_new(path).map_err(failed)?;
    Ok(credentials)
}

//! One NATS key a service, in the data directory.

use std::{
    fs::{DirBuilder, create_dir_all},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use sysmaint_bus::{Credentials, Role, conf::NatsUser};
use sysmaint_protocol::{DeviceId, Handle, subject::Mailbox};
use sysmaint_service::{data_dir::DataDir, exit::Exit};

use crate::{failure::Failure, settings::Settings};

const DIRECTORY: &str = "keys";

/// Who logs in to NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Agent,
    /// The command line itself.
    Cli,
    Operator,
    Probe,
    Relay,
    System,
    Tap,
    Web,
}

impl Service {
    const ALL: [Self; 8] = [
        Self::Relay,
        Self::Agent,
        Self::Probe,
        Self::Web,
        Self::Cli,
        Self::Tap,
        Self::Operator,
        Self::System,
    ];

    /// Its name in file names, in nats.conf, and of its connection.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Cli => "cli",
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

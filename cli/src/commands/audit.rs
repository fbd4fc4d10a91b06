//! `sysmaint audit`: checking and showing what a relay wrote down.

mod show;
mod verify;

use std::path::PathBuf;

use sysmaint_service::{data_dir::DataDir, exit::Exit};
use sysmaint_store::{
    Passphrase,
    audit::{AuditFile, AuditReadError},
};
use tokio_util::sync::CancellationToken;

use crate::{args::AuditCommand, data_files, device, failure::Failure, settings::Settings};

/// Runs one of the subcommands.
pub(crate) async fn run(
    settings: &Settings,
    command: &AuditCommand,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { db, offline, json } => {
            let ground = Ground::find(settings, db.as_ref())?;
            verify::run(settings, ground, *offline, *json, &shutdown).await
        }
        AuditCommand::Show { db, last, json } => {
            let file = Ground::find(settings, db.as_ref())?.open().await?;
            show::run(&file, *last, *json)
        }
    }
}

/// What both stand on. Nothing is made that is not there.
struct Ground {
    data: DataDir,
    path: PathBuf,
    passphrase: Passphrase,
}

impl Ground {
    fn find(settings: &Settings, db: Option<&PathBuf>) -> Result<Self, Failure> {
        if !settings.data_dir.is_dir() {
            let path = settings.data_dir.display();
            let error = anyhow::anyhow!(
                "there is no data directory at {path}: name the relay's with --data-dir or \
                 SYSMAINT_DATA_DIR"
            );
            return Err(Failure::new(Exit::Config, error));
        }
        let data = data_files::open_shared(settings)?;
        let passphrase = data_files::given_passphrase(settings, &data)?;
        let path = db.cloned().unwrap_or_else(|| data_files::audit(settings, &data));
        Ok(Self { data, path, passphrase })
    }

    async fn open(&self) -> Result<AuditFile, Failure> {
        let (path, passphrase) = (self.path.clone(), self.passphrase.clone());
        let opened = tokio::task::spawn_blocking(move || AuditFile::open(&path, &passphrase)).await;
        opened.map_err(Failure::unavailable)?.map_err(unread)
    }
}

fn unread(error: AuditReadError) -> Failure {
    match error {
        AuditReadError::Open(error) => device::store_failure(error),
        AuditReadError::Missing(_) => Failure::new(Exit::Config, error),
        AuditReadError::NoChain(_) | AuditReadError::Row(_) => Failure::new(Exit::Data, error),
    }
}

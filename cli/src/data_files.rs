//! What lies where in the data directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sysmaint_protocol::Base64Bytes;
use sysmaint_service::{
    data_dir::{DataDir, owner_only_write},
    exit::Exit,
    passphrase::{self, Origin},
};
use sysmaint_store::Passphrase;
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, settings::Settings};

/// The certificate authority's encrypted file.
pub(crate) const AUTHORITY: &str = "authority.db";
/// The relay's audit.
pub(crate) const AUDIT: &str = "relay.db";
/// The agent's store.
pub(crate) const AGENT: &str = "agent.db";
/// The probe's store.
pub(crate) const PROBE: &str = "probe.db";
/// The web server's store.
pub(crate) const WEB: &str = "state.db";
/// The command line's store.
pub(crate) const CLI: &str = "cli.db";
/// The public root that devices pin.
const TRUST_ROOT: &str = "trust-root.pub";
/// How long a service waits for a relay that is being started beside it.
const ROOT_WITHIN: Duration = Duration::from_secs(30);

/// The data directory of `up`, which holds it alone.
pub(crate) fn open(settings: &Settings) -> Result<DataDir, Failure> {
    DataDir::open(&settings.data_dir).map_err(|error| Failure::new(error.exit(), error))
}

/// The data directory of one service among others.
pub(crate) fn open_shared(settings: &Settings) -> Result<DataDir, Failure> {
    DataDir::open_shared(&settings.data_dir).map_err(|error| Failure::new(error.exit(), error))
}

/// Where the relay's audit is.
pub(crate) fn audit(settings: &Settings, data: &DataDir) -> PathBuf {
    settings.relay_db.clone().unwrap_or_else(|| data.join(AUDIT))
}

/// The passphrase, generated on the first start where none is given.
pub(crate) fn passphrase(settings: &Settings, data: &DataDir) -> Result<Passphrase, Failure> {
    let resolved = passphrase::Passphrase::resolve(settings.passphrase.clone(), data)
        .map_err(|error| Failure::new(Exit::Config, error))?;
    match &resolved.origin {
        Origin::Generated(path) => tracing::warn!(
            path = %path.display(),
            "generated a passphrase for the stores and kept it beside them, readable by you \
             alone; keep a copy elsewhere"
        ),
        Origin::File(path) => tracing::debug!(path = %path.display(), "passphrase read"),
        Origin::Environment => {}
    }
    Ok(Passphrase::new(resolved.secret))
}

/// The passphrase of one service among others: nobody generates one behind the others' backs.
pub(crate) fn given_passphrase(settings: &Settings, data: &DataDir) -> Result<Passphrase, Failure> {
    if settings.passphrase.is_none() && !data.join(passphrase::FILE_NAME).exists() {
        return Err(Failure::new(
            Exit::Config,
            anyhow::anyhow!(
                "MEGA_PASSPHRASE is not set, and {} holds no passphrase file: set it, or \
                 MEGA_PASSPHRASE_FILE, to the same value for every service",
                data.path().display()
            ),
        ));
    }
    passphrase(settings, data)
}

/// Publishes the root for the services beside the relay, and where `SYSMAINT_TRUST_ROOT_FILE` has
/// them look for it.
pub(crate) fn publish_trust_root(
    settings: &Settings,
    data: &DataDir,
    root: &[u8],
) -> Result<(), Failure> {
    write_trust_root(data, root)?;
    settings.trust_root.as_ref().map_or(Ok(()), |path| write_root(path, root))
}

/// Keeps the root in the data directory.
pub(crate) fn write_trust_root(data: &DataDir, root: &[u8]) -> Result<(), Failure> {
    write_root(&data.join(TRUST_ROOT), root)
}

fn write_root(path: &Path, root: &[u8]) -> Result<(), Failure> {
    let text = format!("{}\n", String::from(Base64Bytes(root.to_vec())));
    owner_only_write(path, text.as_bytes()).map_err(|error| Failure::new(Exit::CannotCreate, error))
}

/// Where the root lies.
pub(crate) fn trust_root_path(data: &DataDir) -> PathBuf {
    data.join(TRUST_ROOT)
}

/// Reads the root; waits a little for a relay that is starting.
pub(crate) async fn trust_root(
    settings: &Settings,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> Result<Vec<u8>, Failure> {
    let path = settings.trust_root.clone().unwrap_or_else(|| data.join(TRUST_ROOT));
    let deadline = tokio::time::Instant::now() + ROOT_WITHIN;
    let mut said = false;
    loop {
        match fs::read_to_string(&path) {
            Ok(text) => return decode_root(&path, text.trim()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::new(Exit::Io, error)),
        }
        if shutdown.is_cancelled() {
            return Err(Failure::stopped());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(Failure::unavailable(anyhow::anyhow!(
                "there is no trust root at {}: start the relay first, or copy trust-root.pub \
                 from its data directory and name it in SYSMAINT_TRUST_ROOT_FILE",
                path.display()
            )));
        }
        if !said {
            tracing::info!(path = %path.display(), "waiting for the relay's trust root");
            said = true;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// A root as its file holds it.
pub(crate) fn decode_root(path: &Path, text: &str) -> Result<Vec<u8>, Failure> {
    Base64Bytes::try_from(text.to_owned()).map(|bytes| bytes.0).map_err(|_| {
        let path: PathBuf = path.to_owned();
        Failure::new(
            Exit::Config,
            anyhow::anyhow!("{} is damaged: copy it again from the relay", path.display()),
        )
    })
}

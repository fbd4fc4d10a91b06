//! Finding a nats-server that is new enough.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::Command;

use super::ServerError;
use crate::ServerVersion;

/// Names a binary to use instead of looking for one.
const OVERRIDE: &str = "NATS_SERVER_BIN";
const NAME: &str = "nats-server";
/// Where `make` puts one.
const TOOLS: &str = ".tools/bin";
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// The first of: `NATS_SERVER_BIN`, `PATH`, `.tools/bin` here or above. One that is named must do;
/// one that is found and too old is passed over.
pub(super) async fn find() -> Result<PathBuf, ServerError> {
    if let Some(named) = env::var_os(OVERRIDE).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        return match version(&named).await {
            Some(found) if found.is_new_enough() => Ok(named),
            Some(found) => Err(ServerError::TooOld { path: named, found }),
            None => Err(ServerError::NotABinary(named)),
        };
    }
    let mut too_old = None;
    for path in candidates() {
        match version(&path).await {
            Some(found) if found.is_new_enough() => return Ok(path),
            Some(found) => too_old = Some(ServerError::TooOld { path, found }),
            None => {}
        }
    }
    Err(too_old.unwrap_or(ServerError::NoBinary))
}

fn candidates() -> Vec<PathBuf> {
    let on_path = env::var_os("PATH").map_or_else(Vec::new, |path| {
        env::split_paths(&path).map(|directory| directory.join(NAME)).collect()
    });
    let here = env::current_dir().unwrap_or_default();
    let above = here.ancestors().map(|directory| directory.join(TOOLS).join(NAME));
    on_path.into_iter().chain(above).filter(|path| path.is_file()).collect()
}

async fn version(path: &Path) -> Option<ServerVersion> {
    let asked = Command::new(path).arg("--version").kill_on_drop(true).output();
    let output = tokio::time::timeout(ANSWERS_WITHIN, asked).await.ok()?.ok()?;
    ServerVersion::find(&String::from_utf8_lossy(&output.stdout))
}

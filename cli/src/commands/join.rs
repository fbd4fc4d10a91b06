//! `sysmaint join`: this machine belongs to a relay elsewhere from now on.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
};

use secrecy::{ExposeSecret as _, SecretString};
use sysmaint_bus::{DirectoryError, RelayClientConfig, RelayDirectory};
use sysmaint_endpoint::Clock;
use sysmaint_service::{data_dir::DataDir, exit::Exit};

use crate::{
    data_files,
    failure::Failure,
    invitation::{Fingerprint, Invitation, TEXT_MAX},
    membership::{Membership, probe_of_this_host},
    settings::Settings,
    way,
};

/// Reads the line, compares the relay's root with it, and keeps both.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let line = line(&settings)?;
    let invitation =
        Invitation::find(line.expose_secret()).map_err(|error| Failure::new(Exit::Usage, error))?;
    if invitation.expires_at <= Clock::system().now() {
        return Err(Failure::new(
            Exit::NoPermission,
            anyhow::anyhow!(
                "the line expired at {} by this machine's clock: check the clock, or ask for a \
                 new line",
                String::from(invitation.expires_at)
            ),
        ));
    }
    let data = data_files::open_shared(&settings)?;
    refuse_the_relays_own(&data)?;
    let root = checked_root(&settings, &invitation).await?;
    refuse_another_root(&data, &root)?;
    data_files::passphrase(&settings, &data)?;
    data_files::write_trust_root(&data, &root)?;
    let probe = invitation.handle.unwrap_or_else(probe_of_this_host);
    let membership = Membership { relay: invitation.relay, code: invitation.code, probe };
    membership.write(&data)?;
    println!("joined {}", membership.relay[0]);
    println!("`sysmaint probe` here is {}: SYSMAINT_PROBES must name it", membership.probe);
    println!("where the agent and the web server run");
    Ok(())
}

/// From the environment, or from standard input.
fn line(settings: &Settings) -> Result<SecretString, Failure> {
    if let Some(line) = &settings.join_line {
        return Ok(line.clone());
    }
    let mut stdin = io::stdin();
    if stdin.is_terminal() {
        ask();
        let mut text = String::new();
        stdin.read_line(&mut text).map_err(|error| Failure::new(Exit::Io, error))?;
        return Ok(text.into());
    }
    let mut text = String::new();
    stdin
        .by_ref()
        .take(TEXT_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(text.into())
}

#[expect(clippy::print_stderr, reason = "a question to a person at a terminal")]
fn ask() {
    eprintln!("Paste the line that `sysmaint invite` has printed, and press Enter:");
}

/// It would read its own mailboxes by two ways.
fn refuse_the_relays_own(data: &DataDir) -> Result<(), Failure> {
    if !data.join(data_files::AUTHORITY).exists() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        anyhow::anyhow!(
            "{} is the data directory of a relay: join from another one, with --data-dir",
            data.path().display()
        ),
    ))
}

/// The relay's root, if it is the one that the line names.
async fn checked_root(settings: &Settings, invitation: &Invitation) -> Result<Vec<u8>, Failure> {
    let config = RelayClientConfig {
        urls: invitation.relay.clone(),
        ca_file: settings.relay_access.ca_file.clone(),
        code: None,
    };
    let answer = RelayDirectory::new(way::client(config)?).trust_root().await;
    let relay = &invitation.relay[0];
    let root = answer.map_err(|error| match error {
        DirectoryError::Unreachable(reason) => {
            Failure::unavailable(anyhow::anyhow!("cannot reach the relay at {relay}: {reason}"))
        }
        other => Failure::unavailable(
            anyhow::Error::new(other).context(format!("there is no relay at {relay}")),
        ),
    })?;
    let root = root.trust_root.0;
    if Fingerprint::of(&root) == invitation.root {
        return Ok(root);
    }
    Err(Failure::new(
        Exit::NoPermission,
        anyhow::anyhow!(
            "{relay} has another trust root than the line says: the line is another relay's, or \
             somebody stands in between"
        ),
    ))
}

/// Devices keep the root that they were made under.
fn refuse_another_root(data: &DataDir, root: &[u8]) -> Result<(), Failure> {
    let path = data_files::trust_root_path(data);
    let known = match fs::read_to_string(&path) {
        Ok(text) => data_files::decode_root(&path, text.trim())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::new(Exit::Io, error)),
    };
    if known == root {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        anyhow::anyhow!(
            "{} belongs to another relay: join from another data directory, with --data-dir",
            data.path().display()
        ),
    ))
}

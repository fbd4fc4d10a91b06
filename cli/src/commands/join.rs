//! `sysmaint join`: this machine belongs to a relay elsewhere from now on.

use std::{
    fs,
    io::{self, IsTerminal as _},
};

use secrecy::{ExposeSecret as _, SecretString};
use sysmaint_bus::{DirectoryError, RelayClientConfig, RelayDirectory, RelayUrl};
use sysmaint_endpoint::{Clock, make_further};
use sysmaint_protocol::{Probes, identities};
use sysmaint_service::{data_dir::DataDir, exit::Exit};

use crate::{
    data_files, device,
    failure::Failure,
    further::{Candidate, Offer},
    invitation::{Fingerprint, Invitation},
    membership::{Membership, probe_of_this_host},
    settings::Settings,
    way, word,
};

/// Reads the line, compares the relay's root with it, and keeps both.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let line = line(&settings)?;
    if let Some(offer) = Offer::find(line.expose_secret()) {
        let offer = offer.map_err(|error| Failure::new(Exit::Usage, error))?;
        return Box::pin(join_as_further(&settings, offer)).await;
    }
    let membership = accept(&settings, &line).await?;
    println!("joined {}", membership.relay[0]);
    println!("`sysmaint probe` here is {}", membership.probe);
    if !Probes::new(Probes::named_after(&identities::probe())).accept(&membership.probe) {
        println!("SYSMAINT_PROBES must name it where the agent and the web server run");
    }
    Ok(())
}

/// A service that starts with a line in its settings, and belongs to no relay yet, joins first: so
/// one image serves any number of machines. One that has joined needs the line no more.
pub(super) async fn unattended(settings: &Settings) -> Result<(), Failure> {
    let Some(line) = &settings.join_line else { return Ok(()) };
    let data = data_files::open_shared(settings)?;
    if data.join(data_files::AUTHORITY).exists() || Membership::read(&data)?.is_some() {
        return Ok(());
    }
    let membership = accept(settings, line).await?;
    tracing::info!(relay = %membership.relay[0], "joined");
    Ok(())
}

/// Checks the relay against an invitation, and keeps both.
async fn accept(settings: &Settings, line: &SecretString) -> Result<Membership, Failure> {
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
    let data = data_files::open_shared(settings)?;
    refuse_the_relays_own(&data)?;
    let root = checked_root(settings, &invitation.relay, invitation.root).await?;
    refuse_another_root(&data, &root)?;
    data_files::passphrase(settings, &data)?;
    data_files::write_trust_root(&data, &root)?;
    let probe = invitation.handle.unwrap_or_else(probe_of_this_host);
    let further = Membership::read(&data)?.and_then(|joined| joined.further);
    let code = Some(invitation.code);
    let membership = Membership { relay: invitation.relay, code, probe, further };
    membership.write(&data)?;
    Ok(membership)
}

/// Makes the command line here a further device, and prints what is to be admitted. Run again, it
/// prints the same.
#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn join_as_further(settings: &Settings, offer: Offer) -> Result<(), Failure> {
    let Offer { relay, root, further } = offer;
    let data = data_files::open_shared(settings)?;
    refuse_the_relays_own(&data)?;
    let joined = Membership::read(&data)?;
    let other = joined.as_ref().and_then(|joined| joined.further.as_ref());
    if let Some(other) = other.filter(|other| **other != further) {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!(
                "the command line here is {other} already: join from another data directory, with \
                 --data-dir"
            ),
        ));
    }
    let root = checked_root(settings, &relay, root).await?;
    refuse_another_root(&data, &root)?;
    let passphrase = data_files::passphrase(settings, &data)?;
    data_files::write_trust_root(&data, &root)?;
    let store = device::open_store(data.join(data_files::CLI), passphrase).await?;
    let made = make_further(&store, &further.identity, further.address(), &root).await;
    let key = made.map_err(|error| Failure::new(Exit::Config, error))?;
    let (code, probe) =
        joined.map_or_else(|| (None, probe_of_this_host()), |joined| (joined.code, joined.probe));
    let membership = Membership { relay, code, probe, further: Some(further.clone()) };
    membership.write(&data)?;
    let candidate = Candidate { further, key };
    let line = candidate.encode().map_err(Failure::unavailable)?;
    println!("sysmaint device admit {line}");
    println!("# run that where {} is at home already; both must show", candidate.further.identity);
    println!("# {}", candidate.digits());
    Ok(())
}

/// From the environment, or from standard input.
fn line(settings: &Settings) -> Result<SecretString, Failure> {
    if let Some(line) = &settings.join_line {
        return Ok(line.clone());
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        ask();
        let mut text = String::new();
        stdin.read_line(&mut text).map_err(|error| Failure::new(Exit::Io, error))?;
        return Ok(text.into());
    }
    word::read_pasted().map(SecretString::from)
}

#[expect(clippy::print_stderr, reason = "a question to a person at a terminal")]
fn ask() {
    eprintln!(
        "Paste the line that `sysmaint invite` or `sysmaint device add` has printed, and press \
         Enter:"
    );
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
async fn checked_root(
    settings: &Settings,
    urls: &[RelayUrl],
    wanted: Fingerprint,
) -> Result<Vec<u8>, Failure> {
    let config = RelayClientConfig {
        urls: urls.to_vec(),
        ca_file: settings.relay_access.ca_file.clone(),
        code: None,
    };
    let answer = RelayDirectory::new(way::client(config)?).trust_root().await;
    let relay = &urls[0];
    let root = answer.map_err(|error| match error {
        DirectoryError::Unreachable(reason) => {
            Failure::unavailable(anyhow::anyhow!("cannot reach the relay at {relay}: {reason}"))
        }
        other => Failure::unavailable(
            anyhow::Error::new(other).context(format!("there is no relay at {relay}")),
        ),
    })?;
    let root = root.trust_root.0;
    if Fingerprint::of(&root) == wanted {
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

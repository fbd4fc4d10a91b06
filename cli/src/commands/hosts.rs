//! `sysmaint host`: which hosts report, and removing one.

use serde::Serialize;
use sysmaint_protocol::Handle;
use sysmaint_service::data_dir::DataDir;
use tokio_util::sync::CancellationToken;

use super::devices::{self, document};
use crate::{
    args::HostCommand,
    confirmation, data_files,
    desk::{Answer, Asked, Question, socket},
    failure::Failure,
    keyring::Service,
    settings::Settings,
};

/// The services that have telemetry.
const SERVICES: [Service; 2] = [Service::Agent, Service::Web];

/// What became of a host, as `--json` prints it.
#[derive(Serialize)]
struct Removed<'a> {
    host: &'a Handle,
    revoked_devices: usize,
    forgotten_by: Vec<Handle>,
}

/// Lists or removes.
pub(crate) async fn run(
    settings: Settings,
    command: &HostCommand,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let data = data_files::open_shared(&settings)?;
    match command {
        HostCommand::List { json } => list(&ask(&data, Question::Hosts).await?, *json),
        HostCommand::Remove { host, yes, json } => {
            if !yes {
                let what = format!("throw {host} out, and remove all that it reported");
                confirmation::confirm(&what, "you are sure")?;
            }
            // The other way round it could report in between, and be known again.
            let revoked_devices = devices::revoke_all(&settings, host, &shutdown).await?;
            let forgotten = ask(&data, Question::Forget(host.clone())).await?.forgotten;
            let forgotten_by = forgotten.into_iter().map(|forgotten| forgotten.of).collect();
            removed(&Removed { host, revoked_devices, forgotten_by }, *json)
        }
    }
}

/// Asks every service that has telemetry and runs; fails if none does.
async fn ask(data: &DataDir, question: Question) -> Result<Answer, Failure> {
    let asked = Asked { of: None, question };
    Answer::of_all(socket::ask_each(data, &SERVICES, &asked).await?, || {
        anyhow::anyhow!(
            "neither agent nor web server runs over {}: start `sysmaint up`, or the service whose \
             telemetry you mean",
            data.path().display()
        )
    })
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn list(answer: &Answer, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", document(&answer.hosts)?);
        return Ok(());
    }
    for known in &answer.hosts {
        let missing = match known.missing {
            0 => String::new(),
            count => format!(", {count} samples missing"),
        };
        println!("{}  heard by {} {}{missing}", known.host, known.of, known.last_seen);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn removed(removed: &Removed<'_>, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", document(removed)?);
        return Ok(());
    }
    let Removed { host, revoked_devices, forgotten_by } = removed;
    match revoked_devices {
        0 => println!("{host} had no device that could be revoked"),
        count => println!("{host}: {count} revoked"),
    }
    for of in forgotten_by {
        println!("{of} has nothing of {host} any more");
    }
    Ok(())
}

//! `sysmaint invite`: a line that lets a machine elsewhere join.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sysmaint_bus::RelayUrl;
use sysmaint_endpoint::Clock;
use sysmaint_relay_bridge as relay;
use sysmaint_service::exit::Exit;
use tokio_util::sync::CancellationToken;

use crate::{
    args::InviteArgs,
    data_files, device,
    failure::Failure,
    invitation::{Fingerprint, Invitation},
    keyring::{self, Service},
    settings::Settings,
};

/// How long the message queue may take to answer.
const WITHIN: Duration = Duration::from_secs(15);

/// Makes a code and prints the line. Works while `up` holds the data directory.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(
    settings: Settings,
    args: &InviteArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let urls = addresses(&settings, &args.relay)?;
    let data = data_files::open_shared(&settings)?;
    let credentials = keyring::credentials(&settings, &data, Service::Relay)?;
    let root = data_files::trust_root(&settings, &data, &shutdown).await?;
    let broker = super::broker(&settings);
    let lives = args.expires.0;
    let issued = async {
        let bus = device::connect(&broker, credentials, Service::Relay, &shutdown).await?;
        let invitation = relay::Invitation { handle: args.handle.clone(), uses: args.uses, lives };
        let code = Box::pin(invitation.issue(&bus)).await.map_err(Failure::unavailable)?;
        bus.close().await;
        Ok(code)
    };
    let code = tokio::time::timeout(WITHIN, issued).await.map_err(|_| {
        Failure::unavailable(anyhow::anyhow!(
            "nats does not answer at {}: start `sysmaint up`, or nats-server and the relay",
            broker.url
        ))
    })??;
    let invitation = Invitation {
        relay: urls,
        root: Fingerprint::of(&root),
        code,
        handle: args.handle.clone(),
        expires_at: Clock::system().now().after(lives),
    };
    let line = invitation.encode().map_err(Failure::unavailable)?;
    println!("echo {} | sysmaint join && sysmaint probe", line.expose_secret());
    Ok(())
}

/// Where the other machine finds the relay.
pub(super) fn addresses(settings: &Settings, said: &[RelayUrl]) -> Result<Vec<RelayUrl>, Failure> {
    if !said.is_empty() {
        return Ok(said.to_vec());
    }
    if !settings.relay_access.urls.is_empty() {
        return Ok(settings.relay_access.urls.clone());
    }
    let (bind, port) = (settings.relay.bind, settings.relay.port);
    let address = std::net::SocketAddr::new(bind, port);
    match format!("http://{address}").parse() {
        Ok(url) if !bind.is_unspecified() && port != 0 => Ok(vec![url]),
        _ => Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!(
                "say where other machines reach the relay: --relay https://relay.example, or \
                 RELAY_URL"
            ),
        )),
    }
}

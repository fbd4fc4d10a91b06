//! `sysmaint device`: which devices there are, and decisions about them.
//!
//! A running relay does it, asked over NATS with the relay's key. Nothing is locked here, so it
//! works beside `sysmaint up`.

use std::{fmt, str::FromStr, time::Duration};

use serde::Serialize;
use sysmaint_bus::{AskError, Bus, RunningServer};
use sysmaint_protocol::{
    DeviceId, Handle, InvalidDeviceId, InvalidHandle,
    administration::{About, Decided, Decision, ListedDevice},
};
use sysmaint_service::{data_dir::DataDir, exit::Exit};
use tokio_util::sync::CancellationToken;

use crate::{
    args::{Decide, DeviceCommand},
    confirmation, data_files, device,
    device::Broker,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
};

/// How long NATS may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// One device, or all of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    identity: Handle,
    device_id: Option<DeviceId>,
}

/// What a person typed names nobody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidName {
    #[error(transparent)]
    Handle(#[from] InvalidHandle),
    #[error("{0:?} is not a device number: use 1 to 127")]
    Number(String),
    #[error(transparent)]
    Device(#[from] InvalidDeviceId),
}

impl FromStr for Named {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let Some((handle, number)) = text.split_once('.') else {
            return Ok(Self { identity: text.parse()?, device_id: None });
        };
        let parsed: u8 = number.parse().map_err(|_| InvalidName::Number(number.to_owned()))?;
        Ok(Self { identity: handle.parse()?, device_id: Some(DeviceId::try_from(parsed)?) })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.device_id {
            Some(device_id) => write!(formatter, "{}.{device_id}", self.identity),
            None => write!(formatter, "all devices of {}", self.identity),
        }
    }
}

/// One decision, as `--json` prints it.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    about: About,
    decision: &'static str,
    #[serde(flatten)]
    decided: Decided,
}

/// Asks a relay.
pub(crate) async fn run(
    settings: Settings,
    command: &DeviceCommand,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let (decision, decide) = match command {
        DeviceCommand::List { json } => {
            let bus = connect(&settings, &shutdown).await?;
            return list(&bus, *json).await;
        }
        DeviceCommand::Revoke(decide) => (Decision::Revoke, decide),
        DeviceCommand::Rotate(decide) => (Decision::Rotate, decide),
        DeviceCommand::Readmit(decide) => (Decision::Readmit, decide),
        // Nobody else's devices are decided about by these; they are commands of their own.
        DeviceCommand::Add(_) | DeviceCommand::Admit(_) => return Ok(()),
    };
    confirm(decision, decide)?;
    let bus = connect(&settings, &shutdown).await?;
    let mut reports = Vec::new();
    for about in chosen(&bus, decision, &decide.named).await? {
        let decided = bus.decide(decision, &about).await.map_err(failed)?;
        reports.push(Report { about, decision: decision.token(), decided });
    }
    bus.close().await;
    print_reports(&reports, decide.json)
}

/// Throws out every device of an identity that still is one. Returns how many those were.
pub(super) async fn revoke_all(
    settings: &Settings,
    identity: &Handle,
    shutdown: &CancellationToken,
) -> Result<usize, Failure> {
    let bus = connect(settings, shutdown).await?;
    let theirs = theirs(&bus, Decision::Revoke, identity).await?;
    for about in &theirs {
        bus.decide(Decision::Revoke, about).await.map_err(failed)?;
    }
    bus.close().await;
    Ok(theirs.len())
}

async fn connect(settings: &Settings, shutdown: &CancellationToken) -> Result<Bus, Failure> {
    let data = data_files::open_shared(settings)?;
    let credentials = keyring::credentials(settings, &data, Service::Relay)?;
    let broker = broker(settings, &data);
    let connecting = device::connect(&broker, credentials, Service::Relay, shutdown);
    tokio::time::timeout(CONNECT_WITHIN, connecting).await.unwrap_or_else(|_| {
        Err(Failure::unavailable(anyhow::anyhow!(
            "nats does not answer: start `sysmaint up` or the relay's nats-server, or set NATS_URL"
        )))
    })
}

/// The broker that is set, or the one that `up` runs over this data directory.
fn broker(settings: &Settings, data: &DataDir) -> Broker {
    match RunningServer::find(data.path()) {
        Some(server) if settings.nats.url.is_none() => Broker::local(server.url()),
        _ => super::broker(settings),
    }
}

fn confirm(decision: Decision, decide: &Decide) -> Result<(), Failure> {
    if decide.yes {
        return Ok(());
    }
    confirmation::confirm(&format!("{} {}", decision.token(), decide.named), "you are sure")
}

async fn chosen(bus: &Bus, decision: Decision, named: &Named) -> Result<Vec<About>, Failure> {
    if let Some(device_id) = named.device_id {
        return Ok(vec![About { identity: named.identity.clone(), device_id }]);
    }
    let theirs = theirs(bus, decision, &named.identity).await?;
    if theirs.is_empty() {
        let text = format!("{} has no device to {}", named.identity, decision.token());
        return Err(Failure::unavailable(anyhow::anyhow!(text)));
    }
    Ok(theirs)
}

/// The devices of an identity that a decision can be about.
async fn theirs(bus: &Bus, decision: Decision, identity: &Handle) -> Result<Vec<About>, Failure> {
    let fits = |device: &ListedDevice| match decision {
        Decision::Readmit => device.revoked_at.is_some(),
        Decision::Revoke | Decision::Rotate | Decision::List => device.revoked_at.is_none(),
    };
    Ok(all(bus)
        .await?
        .into_iter()
        .filter(|device| device.identity == *identity && fits(device))
        .map(|device| About { identity: device.identity, device_id: device.device_id })
        .collect())
}

/// All of them, by handle and number.
async fn all(bus: &Bus) -> Result<Vec<ListedDevice>, Failure> {
    let (mut devices, mut from) = (Vec::new(), Some(0));
    while let Some(next) = from {
        let page = bus.list_devices(next).await.map_err(failed)?;
        devices.extend(page.devices);
        from = page.next.filter(|further| *further > next);
    }
    devices.sort_by(|one: &ListedDevice, other| {
        (&one.identity, one.device_id).cmp(&(&other.identity, other.device_id))
    });
    Ok(devices)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn list(bus: &Bus, json: bool) -> Result<(), Failure> {
    let devices = all(bus).await?;
    bus.close().await;
    if json {
        println!("{}", document(&devices)?);
        return Ok(());
    }
    for device in devices {
        println!("{}.{}  {}", device.identity, device.device_id, state(&device));
    }
    Ok(())
}

fn state(device: &ListedDevice) -> String {
    let day = |time: Option<sysmaint_protocol::Timestamp>| {
        time.map_or_else(|| "?".to_owned(), |time| time.to_string())
    };
    match device.transport {
        None if device.readmitted => {
            format!("revoked {}, may register again", day(device.revoked_at))
        }
        None => format!("revoked {}", day(device.revoked_at)),
        Some(transport) => {
            let transport = match transport {
                sysmaint_protocol::rest::Transport::Nats if device.has_login => "nats, own login",
                sysmaint_protocol::rest::Transport::Nats => "nats",
                sysmaint_protocol::rest::Transport::Relay => "relay",
            };
            let token = if device.has_token { "" } else { ", no token" };
            format!("{transport}{token}, registered {}", day(device.registered_at))
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print_reports(reports: &[Report], json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", document(reports)?);
        return Ok(());
    }
    for Report { about, decision, decided } in reports {
        let About { identity, device_id } = about;
        println!("{identity}.{device_id}: {decision} done");
        if decided.ended_connections > 0 {
            println!("  connections to nats that were ended: {}", decided.ended_connections);
        }
        if *decision == Decision::Revoke.token() && decided.login_in_configuration {
            println!(
                "  its user may still be in nats.conf: `sysmaint nats-conf --rotate <service>` \
                 makes its key worthless"
            );
        }
    }
    Ok(())
}

pub(super) fn document<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Failure, error))
}

fn failed(error: AskError) -> Failure {
    match error {
        AskError::Refused(_) => Failure::new(Exit::Failure, error),
        other => Failure::unavailable(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_handle_and_number() {
        let one: Named = "carol.2".parse().unwrap();
        assert_eq!((one.identity.as_str(), one.device_id.map(DeviceId::get)), ("carol", Some(2)));
        assert_eq!("carol".parse::<Named>().unwrap().device_id, None);
        for wrong in ["", "Carol", "carol.", "carol.0", "carol.200", "carol.1.2", "carol.x"] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong}");
        }
    }
}

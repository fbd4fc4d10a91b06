//! `sysmaint device add`: a line that makes another machine's command line a further device here.

use sysmaint_bus::DirectoryError;
use sysmaint_protocol::{DeviceId, rest::Roster};
use sysmaint_service::exit::Exit;
use tokio_util::sync::CancellationToken;

use super::invite::addresses;
use crate::{
    args::AddArgs,
    data_files,
    failure::Failure,
    further::{Further, Offer},
    invitation::Fingerprint,
    membership::Membership,
    own_device::OwnDevice,
    settings::Settings,
};

/// Looks for a number that no device of the handle has had, and prints the line.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(
    settings: Settings,
    args: &AddArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let data = data_files::open_shared(&settings)?;
    let relay = match Membership::read(&data)? {
        Some(joined) if args.relay.is_empty() => joined.relay,
        _ => addresses(&settings, &args.relay)?,
    };
    let root = data_files::trust_root(&settings, &data, &shutdown).await?;
    drop(data);
    let device = OwnDevice::start(&settings, &shutdown).await?;
    let listed = device.endpoint.own_devices().await;
    let identity = device.endpoint.handle().clone();
    device.finish().await?;
    let roster = listed.map_err(failed)?;
    let device_id = free_number(&roster).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            anyhow::anyhow!("{identity} has had 127 devices: there is no number left"),
        )
    })?;
    let further = Further { identity, service_id: roster.service_id, device_id };
    let offer = Offer { relay, root: Fingerprint::of(&root), further };
    let line = offer.encode().map_err(Failure::unavailable)?;
    println!("echo {line} | sysmaint join");
    println!("# run that on the other machine, and here what it prints then");
    Ok(())
}

fn free_number(roster: &Roster) -> Option<DeviceId> {
    let is_taken = |number: DeviceId| {
        roster.devices.iter().any(|device| device.device_id == number)
            || roster.former.iter().any(|former| former.device_id == number)
    };
    (2..=127).filter_map(|number: u8| DeviceId::try_from(number).ok()).find(|it| !is_taken(*it))
}

fn failed(error: DirectoryError) -> Failure {
    Failure::unavailable(anyhow::Error::new(error).context("this handle's devices are not known"))
}

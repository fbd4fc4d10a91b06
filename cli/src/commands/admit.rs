//! `sysmaint device admit`: this device's word for a further one of its handle.

use sysmaint_service::exit::Exit;
use tokio_util::sync::CancellationToken;

use crate::{
    args::AdmitArgs, confirmation::confirm, failure::Failure, further::Candidate,
    own_device::OwnDevice, settings::Settings, word,
};

/// Checks that the line is about a device of this handle, asks, signs, and hands it in.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(
    settings: Settings,
    args: &AdmitArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let text = args.line.clone().map_or_else(word::read_pasted, Ok)?;
    let candidate = Candidate::find(&text).ok_or_else(|| {
        usage("this is no line of `sysmaint join`, or it was cut short: copy it again in one piece")
    })?;
    let device = OwnDevice::start(&settings, &shutdown).await?;
    let admitted = admit(&device, &candidate, args.yes).await;
    device.finish().await?;
    let until = admitted?;
    println!(
        "{} is admitted: it registers with its next command, until {until}",
        candidate.further
    );
    Ok(())
}

async fn admit(device: &OwnDevice, candidate: &Candidate, yes: bool) -> Result<String, Failure> {
    let (endpoint, further) = (&device.endpoint, &candidate.further);
    let own = endpoint.address();
    if further.identity != *endpoint.handle() || further.service_id != own.service_id {
        let whose = endpoint.handle();
        return Err(usage(&format!("{further} is no device of {whose}, who is asked to admit it")));
    }
    if !yes {
        let what = format!("admit {further}, which shows the digits\n  {}\n", candidate.digits());
        confirm(&what, "the digits are the same")?;
    }
    let until = endpoint.admit(further.device_id, &candidate.key).await;
    let until = until.map_err(|error| {
        Failure::new(
            Exit::NoPermission,
            anyhow::Error::new(error).context(format!("{further} is not admitted")),
        )
    })?;
    Ok(String::from(until))
}

fn usage(text: &str) -> Failure {
    Failure::new(Exit::Usage, anyhow::anyhow!(text.to_owned()))
}

//! `sysmaint send`: one sealed text.

use std::io::{self, Read as _};

use sysmaint_endpoint::{Endpoint, SendError};
use sysmaint_protocol::{Handle, body::Body, limits::TEXT_MAX};
use sysmaint_service::exit::Exit;
use tokio_util::sync::CancellationToken;

use crate::{args::SendArgs, failure::Failure, own_device::OwnDevice, settings::Settings};

/// Seals, and returns once it is stored in the recipient's mailbox.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) async fn run(
    settings: Settings,
    args: &SendArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let text = text(args.text.as_deref())?;
    let device = OwnDevice::start(&settings, &shutdown).await?;
    let body = sysmaint_protocol::body::Text { text };
    let sent = seal(&device.endpoint, &args.to, &body).await;
    device.finish().await?;
    let id = sent?;
    if args.json {
        println!("{}", serde_json::json!({ "id": id, "to": args.to }));
    } else {
        println!("sent {id}");
    }
    Ok(())
}

/// The argument, or all of standard input.
pub(super) fn text(argument: Option<&str>) -> Result<String, Failure> {
    let text = argument.map_or_else(typed, |text| Ok(text.to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!("there is no text to send")));
    }
    if text.len() > TEXT_MAX {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!("a text has at most {TEXT_MAX} bytes: send it in parts"),
        ));
    }
    Ok(text.to_owned())
}

fn typed() -> Result<String, Failure> {
    let mut text = String::new();
    let most = u64::try_from(TEXT_MAX).unwrap_or(u64::MAX).saturating_add(2);
    let read = io::stdin().take(most).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::new(Exit::Io, error))
}

pub(super) async fn seal<B: Body + Clone + Send + Sync + 'static>(
    endpoint: &Endpoint,
    to: &Handle,
    body: &B,
) -> Result<sysmaint_protocol::ContentId, Failure> {
    endpoint.send(to, body).await.map_err(|error| match error {
        SendError::Seal(_) | SendError::Contact(_) => Failure::unavailable(
            anyhow::Error::new(error).context(format!("nothing was sent to {to}")),
        ),
        SendError::Store(_) => Failure::new(Exit::Io, error),
    })
}

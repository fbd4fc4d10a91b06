//! `sysmaint inbox`: what was written to the command line's device.

use std::time::Duration;

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{
    Alert, Handle, Kind,
    alert::State,
    body::{self, Answer, Text},
};
use sysmaint_store::InboxRow;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{
    args::InboxArgs,
    failure::Failure,
    own_device::{OwnDevice, printable},
    settings::Settings,
};

/// After a message, how long the next one may take to count as waiting.
const NEXT: Duration = Duration::from_millis(700);

/// Prints each message once, oldest first. One that is printed and not yet marked when the
/// program dies is printed again.
pub(crate) async fn run(
    settings: Settings,
    args: &InboxArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let device = OwnDevice::start(&settings, &shutdown).await?;
    let printed = print_all(&device.endpoint, &settings.agent.identity, args).await;
    device.finish().await?;
    printed
}

async fn print_all(endpoint: &Endpoint, agent: &Handle, args: &InboxArgs) -> Result<(), Failure> {
    let mut inbox = endpoint.inbox();
    let mut until = Instant::now() + args.wait.0;
    while let Ok(message) = timeout_at(until, inbox.next()).await {
        let sender = endpoint
            .resolve(message.sender, &message.sender_handle)
            .await
            .map_err(Failure::unavailable)?;
        if message.kind == Kind::Telemetry {
            set_aside(endpoint, &message).await?;
            continue;
        }
        let text = |sender: Handle| text_of(&message, sender == *agent).map(|text| (sender, text));
        let accepted = sender.and_then(text);
        let Some((sender, text)) = accepted else {
            let turned = endpoint.turn_away(&message, "not_accepted").await;
            turned.map_err(Failure::unavailable)?;
            continue;
        };
        print(&message, &sender, &text, args.json);
        set_aside(endpoint, &message).await?;
        until = Instant::now() + NEXT;
    }
    Ok(())
}

/// Marks a message as seen: printed, or samples, which an operator gets from every host and which
/// the dashboard shows.
pub(super) async fn set_aside(endpoint: &Endpoint, message: &InboxRow) -> Result<(), Failure> {
    let seen = endpoint.settle(message, |_| Ok::<(), StepError>(())).await;
    seen.map(|_| ()).map_err(Failure::unavailable)
}

/// Of a text, of an answer that came after its question was given up, or of the agent's alert.
fn text_of(message: &InboxRow, is_from_agent: bool) -> Option<String> {
    match message.kind {
        Kind::Alert if is_from_agent => body::decode::<Alert>(&message.body).ok().map(alert_text),
        Kind::Text => body::decode::<Text>(&message.body).ok().map(|text| text.text),
        Kind::Answer => body::decode::<Answer>(&message.body).ok().map(|answer| answer.text),
        _ => None,
    }
}

fn alert_text(alert: Alert) -> String {
    let state = match alert.state {
        State::Firing => alert.severity.name(),
        State::Resolved => "resolved",
    };
    let cause = alert.cause.map(|cause| format!("; likely cause: {cause}")).unwrap_or_default();
    format!("[{state}] {}: {}{cause}", alert.host, alert.summary)
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(message: &InboxRow, from: &Handle, text: &str, json: bool) {
    let sent_at = String::from(message.sent_at);
    if json {
        let id = message.content_id;
        let line = serde_json::json!({ "id": id, "from": from, "text": text, "sent_at": sent_at });
        println!("{line}");
    } else {
        println!("{sent_at} {from}: {}", printable(text));
    }
}

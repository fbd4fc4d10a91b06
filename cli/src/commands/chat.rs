//! `sysmaint chat`: one question to the agent, and its answer; on a terminal while it is made.

mod growing;

use std::io::IsTerminal as _;

use sysmaint_endpoint::Endpoint;
use sysmaint_protocol::{
    ContentId, Handle, Kind,
    body::{self, Answer, Prompt},
};
use sysmaint_service::exit::Exit;
use tokio_util::sync::CancellationToken;

use self::growing::Growing;
use super::{inbox::set_aside, send};
use crate::{args::ChatArgs, failure::Failure, own_device::OwnDevice, settings::Settings};

/// Asks, waits as long as `SYSMAINT_CHAT_TIMEOUT_MS` says, and prints.
pub(crate) async fn run(
    settings: Settings,
    args: &ChatArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let prompt = Prompt { text: send::text(args.question.as_deref())?, fresh: args.fresh };
    let device = OwnDevice::start(&settings, &shutdown).await?;
    let mut growing = Growing::default();
    let follow = !args.json && std::io::stdout().is_terminal();
    let answered = ask(&device.endpoint, &settings, prompt, follow.then_some(&mut growing)).await;
    device.finish().await?;
    let (id, answer) = answered?;
    print(id, &answer, &growing, args.json);
    if answer.refused {
        let handle = &settings.cli_identity;
        return Err(Failure::new(
            Exit::NoPermission,
            anyhow::anyhow!("the agent answers operators only: add {handle} to SYSMAINT_OPERATORS"),
        ));
    }
    Ok(())
}

async fn ask(
    endpoint: &Endpoint,
    settings: &Settings,
    prompt: Prompt,
    growing: Option<&mut Growing>,
) -> Result<(ContentId, Answer), Failure> {
    let agent = &settings.agent.identity;
    let mut activity = endpoint.activity();
    // What arrives from here on is read; what waits unread is left for `inbox`.
    let id = send::seal(endpoint, agent, &prompt).await?;
    let patience = settings.web.chat_timeout;
    let printing = async {
        match growing {
            Some(growing) => growing.print_all(endpoint, &mut activity, agent, id).await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::time::timeout(patience, async {
        tokio::select! {
            answer = answer_to(endpoint, agent, id) => answer,
            never = printing => match never {},
        }
    });
    let answer = answer.await;
    let answer = answer.map_err(|_| {
        Failure::unavailable(anyhow::anyhow!(
            "no answer within {} s: it will be in `sysmaint inbox`",
            patience.as_secs_f32()
        ))
    })??;
    Ok((id, answer))
}

async fn answer_to(endpoint: &Endpoint, agent: &Handle, id: ContentId) -> Result<Answer, Failure> {
    let mut inbox = endpoint.inbox();
    loop {
        let message = inbox.next().await;
        if message.kind == Kind::Telemetry {
            set_aside(endpoint, &message).await?;
            continue;
        }
        if message.kind != Kind::Answer || message.in_reply_to != Some(id) {
            continue;
        }
        let sender = endpoint.handle_of(message.sender).await.map_err(Failure::unavailable)?;
        let answer = body::decode::<Answer>(&message.body).ok();
        let Some(answer) = answer.filter(|_| sender.as_ref() == Some(agent)) else {
            let turned = endpoint.turn_away(&message, "not_accepted").await;
            turned.map_err(Failure::unavailable)?;
            continue;
        };
        set_aside(endpoint, &message).await?;
        return Ok(answer);
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(id: ContentId, answer: &Answer, growing: &Growing, json: bool) {
    if json {
        let Answer { text, model, refused, stopped, usage, took_ms, .. } = answer;
        let line = serde_json::json!({
            "id": id, "reply": text, "model": model, "refused": refused, "stopped": stopped,
            "usage": usage, "took_ms": took_ms,
        });
        println!("{line}");
    } else {
        println!("{}", growing.rest(&answer.text));
    }
}

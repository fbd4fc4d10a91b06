//! One connection from its first frame to its last: reading and writing at the same time, so
//! that neither side waits for the other to take what it has to say.

use std::time::Duration;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use sysmaint_protocol::websocket::{ClientFrame, CloseReason, ServerFrame};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    Command, frames,
    ledger::{Arrival, Ledger},
};

/// Commands that are written in one go; acknowledgements among them become one frame.
const TOGETHER: usize = 64;
/// How often the relay is asked for a sign of life,
const PING_EVERY: Duration = Duration::from_secs(20);
/// and how long none may come.
const SILENT_AT_MOST: Duration = Duration::from_mins(1);
/// How long writing may take.
const WRITE_WITHIN: Duration = Duration::from_secs(20);

/// Why a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// The relay said why.
    Closed(CloseReason),
    /// The connection broke, or the relay made no sense.
    Lost(String),
    /// The token is worthless.
    Unauthorized,
}

/// Serves until the connection ends. `commands` outlives it.
pub(super) async fn serve<S>(
    socket: S,
    ledger: &Ledger,
    session: u64,
    commands: &mut mpsc::Receiver<Command>,
) -> End
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
{
    let (sink, stream) = socket.split();
    tokio::select! {
        end = read(stream, ledger, session) => end,
        end = write(sink, ledger, session, commands) => end,
    }
}

async fn read(
    mut stream: impl Stream<Item = Result<Message, Error>> + Unpin,
    ledger: &Ledger,
    session: u64,
) -> End {
    loop {
        let message = match tokio::time::timeout(SILENT_AT_MOST, stream.next()).await {
            Err(_) => return lost("the relay is silent"),
            Ok(None) => return lost("the relay ended the connection"),
            Ok(Some(Err(error))) => return End::Lost(error.to_string()),
            Ok(Some(Ok(message))) => message,
        };
        let text = match message {
            Message::Text(text) => text,
            // Pings are answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Close(_) => return lost("the relay ended the connection"),
            Message::Binary(_) => return lost("the relay sends what is no frame"),
        };
        let Some(frame) = frames::read(&text) else {
            return lost("the relay sends what is no frame");
        };
        if let Some(end) = take(frame, ledger, session) {
            return end;
        }
    }
}

/// Takes one frame; what ends the session, if it does.
fn take(frame: ServerFrame, ledger: &Ledger, session: u64) -> Option<End> {
    match frame {
        ServerFrame::Deliver { seq, id: transfer_id, stored_at, envelope } => {
            let arrival = Arrival { session, seq, transfer_id, stored_at, envelope: envelope.0 };
            let kept = ledger.arrive(arrival);
            kept.err().map(|_| lost("the relay sends more than its window"))
        }
        ServerFrame::Acked { seq } => {
            ledger.acknowledged(&seq);
            None
        }
        ServerFrame::Sent { id } => {
            ledger.sent(id, Ok(()));
            None
        }
        ServerFrame::Error { id: Some(id), retry_after_s, problem } => {
            let unauthorized = problem.status == 401;
            ledger.sent(id, Err(frames::refusal(&problem, retry_after_s)));
            unauthorized.then_some(End::Unauthorized)
        }
        ServerFrame::Error { id: None, retry_after_s: _, problem } => {
            tracing::warn!(kind = problem.kind, status = problem.status, "the relay complains");
            (problem.status == 401).then_some(End::Unauthorized)
        }
        ServerFrame::Closed { reason } => Some(End::Closed(reason)),
    }
}

async fn write(
    mut sink: impl Sink<Message, Error = Error> + Unpin,
    ledger: &Ledger,
    session: u64,
    commands: &mut mpsc::Receiver<Command>,
) -> End {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick is at once.
    pings.tick().await;
    let mut together = Vec::with_capacity(TOGETHER);
    loop {
        let messages = tokio::select! {
            count = commands.recv_many(&mut together, TOGETHER) => {
                if count == 0 {
                    return lost("the mailbox is closed");
                }
                messages(together.drain(..), ledger, session)
            }
            _ = pings.tick() => vec![Message::Ping(Vec::new().into())],
        };
        let written = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        match tokio::time::timeout(WRITE_WITHIN, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return End::Lost(error.to_string()),
            Err(_) => return lost("the relay does not read"),
        }
    }
}

/// Notes who waits for what, and returns the frames that ask for it. Whoever cannot wait learns
/// it by the drop of its reply.
fn messages(
    commands: impl Iterator<Item = Command>,
    ledger: &Ledger,
    session: u64,
) -> Vec<Message> {
    let (mut frames, mut acknowledged) = (Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Acknowledge { session: of, seq, reply } => {
                if of == session && ledger.expect_acknowledged(seq, reply) {
                    acknowledged.push(seq);
                }
            }
            Command::Send { envelope, reply } => {
                // An asker that gave up asks again with the same bytes.
                if !reply.is_closed() && ledger.expect_sent(envelope.id, reply) {
                    frames.push(ClientFrame::Send(*envelope));
                }
            }
        }
    }
    if !acknowledged.is_empty() {
        frames.insert(0, ClientFrame::Ack { seq: acknowledged });
    }
    frames.iter().filter_map(frames::write).collect()
}

fn lost(reason: &str) -> End {
    End::Lost(reason.to_owned())
}

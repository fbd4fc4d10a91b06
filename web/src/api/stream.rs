//! Server-sent events: what changed, and what the relay sees.
//!
//! A stream tells what happens from its `hello` on, and nothing before. A page that reads too
//! slowly misses events; it is told `missed` and asks for the present state instead.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event as Frame, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _, future::ready, stream};
use serde::Serialize;
use sysmaint_protocol::{Handle, Timestamp};
use tokio::sync::broadcast::Receiver;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use utoipa::ToSchema;

use super::{
    VERSION,
    chat::Entry,
    openapi::{ANY, API, BACKEND, DEMO, SESSION, STATUS, problems},
};
use crate::{
    app::App,
    backend::{DirectMessage, Event, Seen},
    problem::Problem,
};

/// How soon a browser should come back when a stream ends.
const RETRY: Duration = Duration::from_secs(2);

/// Shorter than the idle limit of any proxy in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Bytes of an envelope that are shown; its true size is told beside them.
const SHOWN_MAX: usize = 8 * 1024;

problems! { StreamProblems = ANY, API, BACKEND, SESSION; }

/// The first event of a stream.
#[derive(Serialize, ToSchema)]
pub(super) struct Hello {
    /// The server's version.
    version: &'static str,
}

/// Events that a page did not get, because it reads too slowly.
#[derive(Serialize, ToSchema)]
pub(super) struct Missed {
    /// How many.
    count: u64,
}

/// A direct message that was opened.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenedMessage)]
pub(super) struct Opened {
    /// Whose device opened it.
    to: Handle,
    /// The message.
    message: DirectMessage,
    /// What leads to those after it.
    cursor: u64,
}

/// What a reader of the bus sees of one message.
#[derive(Serialize, ToSchema)]
#[schema(as = SeenEnvelope)]
pub(super) struct SeenFrame<'a> {
    /// Where it was published.
    subject: &'a str,
    /// Its true size in bytes.
    size: usize,
    /// Up to the first 8192 bytes.
    hex: String,
    /// When it passed.
    at: Timestamp,
    /// The message's headers, in order.
    headers: &'a [(String, String)],
}

/// What changes
///
/// Server-sent events, from `hello` with a `Hello` on: `alert` with an `Alert`, `chat` with a
/// `ChatEntry`, `delta` with a `DraftPart`, `direct` with an `OpenedMessage`, `host` with a `HostStatus`,
/// `link` with a `LinkState`, `trail` with a `Trail`, `usage` with a `Usage`. After `missed` with a
/// `Missed`, ask for the present state.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "streamEvents",
    tag = STATUS,
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The stream.",
            body = String,
            content_type = "text/event-stream",
        ),
        StreamProblems,
    ),
)]
pub(crate) async fn events(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>>>, Problem> {
    let events = app.backend().events();
    stream_of(&app, events, event_frame)
}

/// The demo's envelopes as they pass
///
/// Server-sent events: `hello` with a `Hello`, `envelope` with a `SeenEnvelope`, `missed` with a
/// `Missed`.
#[utoipa::path(
    get,
    path = "/api/demo/wire",
    operation_id = "streamWire",
    tag = DEMO,
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The stream.",
            body = String,
            content_type = "text/event-stream",
        ),
        StreamProblems,
    ),
)]
pub(crate) async fn wire(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>>>, Problem> {
    let seen = app.backend().wire();
    stream_of(&app, seen, seen_frame)
}

fn stream_of<T: Clone + Send + 'static>(
    app: &App,
    receiver: Receiver<T>,
    frame: fn(T) -> Result<Frame, axum::Error>,
) -> Result<Sse<impl Stream<Item = Result<Frame, Infallible>> + use<T>>, Problem> {
    let permit = app.stream_permit()?;
    let hello = Frame::default().event("hello").retry(RETRY).json_data(Hello { version: VERSION });
    let changes = BroadcastStream::new(receiver).map(move |received| match received {
        Ok(item) => frame(item),
        Err(BroadcastStreamRecvError::Lagged(count)) => {
            Frame::default().event("missed").json_data(Missed { count })
        }
    });
    let frames = stream::once(ready(hello)).chain(changes).filter_map(move |frame| {
        // The stream holds its place for as long as it lives.
        let _ = &permit;
        ready(frame.ok().map(Ok))
    });
    let frames = frames.take_until(app.shutdown().clone().cancelled_owned());
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn event_frame(event: Event) -> Result<Frame, axum::Error> {
    match event {
        Event::Alert(alert) => Frame::default().event("alert").json_data(&*alert),
        Event::Chat(entry) => {
            Frame::default().event("chat").json_data(Entry::from(entry.as_ref().clone()))
        }
        Event::Direct { to, message } => {
            let (cursor, message) = (message.cursor, message.as_ref().clone());
            Frame::default().event("direct").json_data(Opened { to, message, cursor })
        }
        Event::Draft(part) => Frame::default().event("delta").json_data(&*part),
        Event::Host(status) => Frame::default().event("host").json_data(&*status),
        Event::Link(link) => Frame::default().event("link").json_data(link),
        Event::Trail(trail) => Frame::default().event("trail").json_data(&*trail),
        Event::Usage(usage) => Frame::default().event("usage").json_data(usage),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the stream's items are owned")]
fn seen_frame(seen: Seen) -> Result<Frame, axum::Error> {
    let shown = seen.bytes.len().min(SHOWN_MAX);
    Frame::default().event("envelope").json_data(SeenFrame {
        subject: &seen.subject,
        size: seen.bytes.len(),
        hex: hex::encode(&seen.bytes[..shown]),
        at: seen.at,
        headers: &seen.headers,
    })
}

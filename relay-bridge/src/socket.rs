//! Devices on WebSocket: any number of connections over two subscriptions and no consumer.
//!
//! A connection reads its mailbox by sequence when a hint says that something arrived, when an
//! outage is over, and now and then. It removes what the client acknowledges. Nothing is kept
//! here: what is not acknowledged comes again on the next connection, at whichever bridge.

mod doorbell;
mod ending;
mod frame;
mod line;
mod outbox;
mod pace;
mod reader;
mod remover;
mod session;
mod sessions;
mod settings;
mod standing;
mod window;

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use futures_util::StreamExt as _;
use sysmaint_bus::{Bus, Hints};
use sysmaint_protocol::{
    rest::Problem,
    subject::Mailbox,
    websocket::{CloseReason, SUBPROTOCOL},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

pub use self::settings::SocketSettings;
use self::{
    doorbell::Doorbell, ending::End, frame::MESSAGE_MAX, line::Line, session::Session,
    sessions::Sessions,
};
use crate::{
    counters::{Counters, Event},
    delivery::Post,
    directory::{RelayDirectory, TokenHash},
    problem::{TOO_MANY_SOCKETS, UNAVAILABLE},
};

/// Reads whose envelopes are in memory at a time, in all connections together: at 128 KiB each,
/// 64 MiB.
const READS_AT_ONCE: usize = 512;

/// What a quiet connection keeps for reading.
const READ_BUFFER: usize = 2 * 1024;
/// Small frames are gathered up to this size.
const WRITE_BUFFER: usize = 4 * 1024;
/// At most one frame is ever added to a full buffer.
const WRITE_BUFFER_MAX: usize = WRITE_BUFFER + 2 * MESSAGE_MAX;

/// How long connections may take to end when the bridge stops.
const DRAIN: Duration = Duration::from_secs(5);

/// All connections of one bridge, and what they share.
pub(crate) struct Sockets {
    bus: Bus,
    budget: Arc<Semaphore>,
    counters: Arc<Counters>,
    directory: RelayDirectory,
    post: Post,
    sessions: Arc<Sessions>,
    settings: SocketSettings,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// The permission to open one connection.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
    /// Whoever stops the bridge waits for this.
    _task: TaskTrackerToken,
}

impl Sockets {
    pub(crate) fn new(
        bus: Bus,
        directory: RelayDirectory,
        post: Post,
        counters: Arc<Counters>,
        settings: SocketSettings,
    ) -> Self {
        Self {
            bus,
            budget: Arc::new(Semaphore::new(READS_AT_ONCE)),
            counters,
            directory,
            post,
            sessions: Arc::new(Sessions::new(rand::random())),
            settings,
            slots: Arc::new(Semaphore::new(settings.max.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
        }
    }

    /// How many devices are connected.
    pub(crate) fn count(&self) -> usize {
        self.sessions.count()
    }

    /// How many may be.
    pub(crate) const fn max(&self) -> usize {
        self.settings.max
    }

    /// Asks for room for one more.
    pub(crate) fn admit(&self) -> Result<Slot, Problem> {
        if self.tasks.is_closed() {
            return Err(UNAVAILABLE.because("this bridge is stopping: connect to another one"));
        }
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            self.counters.count(Event::SocketRefused);
            TOO_MANY_SOCKETS.because(
                "this bridge has as many connections as RELAY_MAX_SOCKETS allows: connect to \
                 another one, or try again later",
            )
        })?;
        Ok(Slot { _permit: permit, _task: self.tasks.token() })
    }

    /// Answers the request, and serves the connection once it is made.
    pub(crate) fn upgrade(
        self: &Arc<Self>,
        upgrade: WebSocketUpgrade,
        slot: Slot,
        own: Mailbox,
        token: TokenHash,
    ) -> axum::response::Response {
        let sockets = Arc::clone(self);
        upgrade
            .protocols([SUBPROTOCOL])
            .max_message_size(MESSAGE_MAX)
            .max_frame_size(MESSAGE_MAX)
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(WRITE_BUFFER_MAX)
            .on_upgrade(move |socket| sockets.serve(socket, slot, own, token))
    }

    async fn serve(
        self: Arc<Self>,
        socket: WebSocket,
        _slot: Slot,
        own: Mailbox,
        token: TokenHash,
    ) {
        self.counters.count(Event::SocketOpened);
        let now = Instant::now();
        let doorbell = Doorbell::new(rand::random(), token.mark(), now.into_std());
        let place = self.sessions.enter(own, doorbell);
        let (sink, mut incoming) = socket.split();
        let counters = Arc::clone(&self.counters);
        let mut session = Session::new(self, place, token, Line::new(sink), now);
        let end = session.serve(&mut incoming).await;
        if let Some(event) = event(end) {
            counters.count(event);
        }
        tracing::debug!(?end, "a connection ends");
        session.end(end, incoming).await;
    }

    /// Passes on what the bridge hears until `stop`, then ends all connections.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.listen() => {
                tracing::warn!("the connection to nats was closed, and no hints come any more");
                stop.cancelled().await;
            }
        }
        self.tasks.close();
        self.sessions.close();
        let open = self.count();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.count(), "connections did not end in time");
        } else if open > 0 {
            tracing::info!(open, "ended all connections");
        }
    }

    async fn listen(&self) {
        let mut hints: Hints = match self.bus.hints().await {
            Ok(hints) => hints,
            Err(error) => return tracing::warn!(%error, "no hints can be heard"),
        };
        while let Some(hint) = hints.next().await {
            self.sessions.heard(hint, std::time::Instant::now());
        }
    }
}

const fn event(end: End) -> Option<Event> {
    match end {
        End::Closed(CloseReason::Replaced) => Some(Event::SocketReplaced),
        End::Closed(CloseReason::Revoked) => Some(Event::SocketRevoked),
        End::Closed(CloseReason::TooSlow) => Some(Event::SocketTooSlow),
        End::Closed(CloseReason::Violation) => Some(Event::SocketViolation),
        End::Closed(CloseReason::ShuttingDown) | End::Gone => None,
    }
}

//! One connection: delivers, takes acknowledgements and envelopes, and ends in order.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{StreamExt as _, future::BoxFuture, stream::SplitStream};
use sysmaint_bus::StoredError;
use sysmaint_protocol::{
    rest::Problem,
    websocket::{ClientFrame, CloseReason, Outgoing, ServerFrame},
};
use tokio::time::Instant;

use super::{
    Sockets,
    ending::{End, broken},
    frame::{self, Unreadable},
    line::{Handed, Line},
    outbox::{Outbox, refusal},
    pace::{jittered, spread},
    reader::{Catch, Reader, Reading},
    remover::{Remover, Removing},
    sessions::Place,
    standing::Standing,
    window::{Removal, Window},
};
use crate::{counters::Event, directory::TokenHash, problem::NOT_DELIVERED};

/// A client that reads nothing for this long gets its deliveries from the mailbox again later,
/// instead of having them wait in memory.
const HOLD: Duration = Duration::from_secs(1);

/// After an outage all connections read again within this time.
const RECOVERY: Duration = Duration::from_secs(5);

/// When a bridge stops, all connections are told within this time.
const LEAVING: Duration = Duration::from_secs(2);

/// Everything that one connection is made of.
pub(super) struct Session {
    pub(super) sockets: Arc<Sockets>,
    pub(super) place: Place,
    pub(super) line: Line,
    pub(super) outbox: Outbox,
    pub(super) window: Window,
    pub(super) remover: Remover,
    pub(super) removing: Option<Removing>,
    reader: Reader,
    reading: Option<Reading>,
    standing: Standing,
    ping_at: Instant,
    is_asked: bool,
    leave_at: Option<Instant>,
}

impl Session {
    pub(super) fn new(
        sockets: Arc<Sockets>,
        place: Place,
        token: TokenHash,
        line: Line,
        now: Instant,
    ) -> Self {
        let settings = sockets.settings;
        Self {
            standing: Standing::new(token, now),
            reader: Reader::new(now, settings.reread),
            ping_at: now + jittered(settings.ping_every),
            sockets,
            place,
            line,
            outbox: Outbox::default(),
            window: Window::default(),
            remover: Remover::default(),
            removing: None,
            reading: None,
            is_asked: false,
            leave_at: None,
        }
    }

    /// Goes on until there is a reason to end.
    pub(super) async fn serve(&mut self, incoming: &mut SplitStream<WebSocket>) -> End {
        let doorbell = Arc::clone(self.place.doorbell());
        loop {
            let now = Instant::now();
            if let Some(end) = self.begin_what_is_due(now) {
                return end;
            }
            let due = self.next_due();
            let listens = self.line.has_room_for_answers() && self.outbox.has_room();
            tokio::select! {
                biased;
                () = doorbell.rung() => self.rung(Instant::now()),
                valid = self.standing.checked() => {
                    if let Some(end) = self.standing.judge(valid.ok(), Instant::now()) {
                        return end;
                    }
                }
                removed = landed(&mut self.removing) => self.removed(removed, Instant::now()),
                read = landed(&mut self.reading) => self.read(read, Instant::now()),
                answer = self.outbox.next() => self.line.say(&answer),
                written = self.line.advance(), if self.line.has_output() => match written {
                    Ok(delivered) => self.written(delivered),
                    Err(_) => return End::Gone,
                },
                message = incoming.next(), if listens => {
                    if let Some(end) = self.heard(message) {
                        return end;
                    }
                }
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    fn begin_what_is_due(&mut self, now: Instant) -> Option<End> {
        if let Some(end) = self.has_to_end(now) {
            return Some(end);
        }
        let own = self.place.own();
        self.standing.check_if_due(&self.sockets, &self.place, now);
        if self.wants_to_read() && self.reader.due() <= now {
            let (bus, budget) = (&self.sockets.bus, &self.sockets.budget);
            self.reading = Some(self.reader.read(bus, own, budget, self.window.room()));
        }
        if self.removing.is_none() && self.remover.due().is_some_and(|due| due <= now) {
            self.removing = self.remover.remove(&self.sockets, own, &mut self.window);
        }
        None
    }

    fn has_to_end(&mut self, now: Instant) -> Option<End> {
        match self.place.doorbell().closing() {
            Some(CloseReason::ShuttingDown) => {
                let count = self.sockets.sessions.count();
                let at = *self.leave_at.get_or_insert_with(|| now + spread(count, LEAVING));
                if at <= now {
                    return Some(End::Closed(CloseReason::ShuttingDown));
                }
            }
            Some(reason) => return Some(End::Closed(reason)),
            None => {}
        }
        let clock = now.into_std();
        if self.is_still(self.sockets.settings.stall, clock) {
            return Some(End::Closed(CloseReason::TooSlow));
        }
        if self.line.has_deliveries() && self.is_still(HOLD, clock) {
            let first = self.line.drop_deliveries();
            self.reader.again(first, now);
        }
        if self.ping_at <= now {
            // Nothing may be heard while its own envelopes are on their way.
            if self.is_asked && self.outbox.is_empty() {
                return Some(End::Closed(CloseReason::TooSlow));
            }
            self.is_asked = true;
            self.ping_at = now + jittered(self.sockets.settings.ping_every);
            self.line.ping();
        }
        None
    }

    fn is_still(&self, patience: Duration, now: Clock) -> bool {
        self.line.still_until(patience).is_some_and(|until| until <= now)
    }

    /// Whether there is room for more, and a client that takes it.
    fn wants_to_read(&self) -> bool {
        self.standing.is_good()
            && self.reading.is_none()
            && !self.line.has_deliveries()
            && !self.is_still(HOLD, Clock::now())
            && self.window.room() > 0
    }

    fn next_due(&self) -> Instant {
        let still = |patience| self.line.still_until(patience).map(Instant::from_std);
        let cut = still(self.sockets.settings.stall);
        let hold = still(HOLD).filter(|_| self.line.has_deliveries());
        let read = self.wants_to_read().then(|| self.reader.due());
        let remove = self.remover.due().filter(|_| self.removing.is_none());
        let others = [cut, hold, read, remove, self.standing.due(), self.leave_at];
        others.into_iter().flatten().fold(self.ping_at, Instant::min)
    }

    fn rung(&mut self, now: Instant) {
        if let Some(sequence) = self.place.doorbell().take_arrived() {
            self.reader.hint(sequence, now);
        }
        if self.place.doorbell().take_missed() {
            // Answers that were on their way may never come.
            let at = now + spread(self.sockets.sessions.count(), RECOVERY);
            if self.reading.take().is_some() || self.reader.due() > at {
                self.reader.again(None, at);
            }
            if self.removing.take().is_some() {
                self.remover.again(&mut self.window, at);
            }
            self.standing.again(at);
        }
    }

    fn read(&mut self, read: Result<Catch, StoredError>, now: Instant) {
        self.reader.read_was(read.as_ref(), now);
        match read {
            Ok(catch) => self.line.deliver(catch),
            Err(error) => tracing::debug!(%error, "a mailbox could not be read"),
        }
    }

    fn written(&mut self, delivered: Option<Handed>) {
        if let Some(Handed { sequence, digest }) = delivered {
            self.window.deliver(sequence, digest);
            self.sockets.counters.count(Event::Delivered);
        }
    }

    pub(super) fn removed(&mut self, removed: Result<Removal, StoredError>, now: Instant) {
        match removed {
            Ok(removal) => {
                self.remover.removed(&mut self.window, &removal, now);
                let seq = removal.sequences().to_vec();
                self.sockets.counters.count_many(Event::Acknowledged, seq.len());
                self.line.say(&ServerFrame::Acked { seq });
            }
            Err(error) => {
                tracing::debug!(%error, "acknowledged envelopes could not be removed");
                self.remover.failed(&mut self.window, now);
            }
        }
    }

    fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Option<End> {
        let message = match message {
            None | Some(Ok(Message::Close(_))) => return Some(End::Gone),
            Some(Err(error)) => return Some(broken(error)),
            Some(Ok(message)) => message,
        };
        self.is_asked = false;
        match message {
            Message::Text(text) => self.understood(frame::parse(&text)),
            Message::Binary(_) => {
                self.understood(Err(frame::violation("frames are text messages, not binary")))
            }
            Message::Ping(_) => {
                self.line.flush();
                None
            }
            Message::Pong(_) | Message::Close(_) => None,
        }
    }

    fn understood(&mut self, frame: Result<ClientFrame, Unreadable>) -> Option<End> {
        match frame {
            Ok(ClientFrame::Ack { seq }) => self.acknowledge(&seq),
            Ok(ClientFrame::Send(outgoing)) => self.send(outgoing),
            Err(Unreadable::Send { id, undelivered }) => {
                self.sockets.post.count(&undelivered);
                self.line.say(&refusal(id, &undelivered));
            }
            Err(Unreadable::Violation(problem)) => {
                self.complain(problem);
                return Some(End::Closed(CloseReason::Violation));
            }
        }
        None
    }

    fn send(&mut self, outgoing: Outgoing) {
        match self.sockets.directory.limits().message(self.place.own()) {
            Ok(()) => self.outbox.send(&self.sockets.post, outgoing),
            Err(limited) => self.line.say(&ServerFrame::Error {
                id: Some(outgoing.id),
                retry_after_s: Some(limited.seconds()),
                problem: limited.problem(),
            }),
        }
    }

    fn acknowledge(&mut self, sequences: &[u64]) {
        let known = |sequence: &&u64| self.window.acknowledge(**sequence).is_ok();
        let accepted = sequences.iter().filter(known).count();
        if accepted > 0 {
            self.remover.acknowledged(&self.window, Instant::now());
        }
        let refused = sequences.len() - accepted;
        if refused > 0 {
            self.sockets.counters.count_many(Event::ForeignAck, refused);
            self.complain(NOT_DELIVERED.because(format!(
                "{refused} of {} numbers are of no delivery of this connection that is still in \
                 the mailbox, and were left alone: acknowledge what came in deliver frames, once",
                sequences.len()
            )));
        }
    }

    fn complain(&mut self, problem: Problem) {
        self.line.say(&ServerFrame::Error { id: None, retry_after_s: None, problem });
    }
}

/// Waits for what is under way, if anything is.
pub(super) async fn landed<T>(flight: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = flight else { return std::future::pending().await };
    let landed = running.await;
    *flight = None;
    landed
}

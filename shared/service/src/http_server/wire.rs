//! A connection's bytes, with the patience that each part of its life deserves.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    Limits,
    gate::Place,
    stats::{Outcome, Stats},
};

/// What a connection is about. Shared between its bytes, which begin requests, and its service,
/// which ends them.
#[derive(Debug)]
pub(super) struct Phase(AtomicU8);

/// A request line and headers are arriving. A new connection owes its first ones.
const HEAD: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// The next request has not begun.
const IDLE: u8 = 2;
/// It speaks another protocol now, with a patience of its own.
const SOCKET: u8 = 3;

impl Phase {
    pub(super) const fn new() -> Self {
        Self(AtomicU8::new(HEAD))
    }

    pub(super) fn busy(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    pub(super) fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    pub(super) fn socket(&self) {
        self.0.store(SOCKET, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A transport that gives up on slow clients, ends when it is cut, and holds the connection's
/// place for as long as there are bytes, also after hyper has handed them to a WebSocket.
#[derive(Debug)]
pub(super) struct Wire<T> {
    inner: T,
    phase: Arc<Phase>,
    reading: Option<Pin<Box<Sleep>>>,
    /// The phase whose time `reading` measures.
    measured: Option<u8>,
    writing: Stall,
    /// Apart from writing: a flush of plain TCP is always done, and says nothing about writes.
    flushing: Stall,
    rest: Rest,
}

/// Since when the client has taken nothing.
#[derive(Debug, Default)]
struct Stall(Option<Pin<Box<Sleep>>>);

/// What reading and writing share.
#[derive(Debug)]
struct Rest {
    stats: Arc<Stats>,
    header_time: Duration,
    idle_time: Duration,
    stall_time: Duration,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Place,
}

impl<T> Wire<T> {
    pub(super) fn new(
        inner: T,
        place: Place,
        (phase, stats): (Arc<Phase>, Arc<Stats>),
        limits: &Limits,
        cut: CancellationToken,
    ) -> Self {
        let rest = Rest {
            stats,
            header_time: limits.header_time,
            idle_time: limits.idle_time,
            stall_time: limits.stall_time,
            cut: Box::pin(cut.cancelled_owned()),
            _place: place,
        };
        let (writing, flushing) = (Stall::default(), Stall::default());
        Self { inner, phase, reading: None, measured: None, writing, flushing, rest }
    }

    /// The client has sent nothing more: for how long may it?
    fn await_client(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rest.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let phase = self.phase.get();
        let (limit, outcome) = match phase {
            HEAD => (self.rest.header_time, Outcome::SlowHeaders),
            IDLE => (self.rest.idle_time, Outcome::Idle),
            _ => {
                self.measured = None;
                return Poll::Pending;
            }
        };
        let patience = self.reading.get_or_insert_with(|| Box::pin(sleep(limit)));
        if self.measured != Some(phase) {
            patience.as_mut().reset(Instant::now() + limit);
            self.measured = Some(phase);
        }
        if patience.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.rest.stats.count(outcome);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.inner).poll_read(context, buffer) else {
            return this.await_client(context);
        };
        if buffer.filled().len() > before && this.phase.get() == IDLE {
            this.phase.0.store(HEAD, Ordering::Relaxed);
            this.measured = None;
        }
        Poll::Ready(read)
    }
}

impl Stall {
    /// The client takes nothing: for how long may it?
    fn judge<R>(
        &mut self,
        sent: Poll<io::Result<R>>,
        rest: &mut Rest,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if sent.is_ready() {
            self.0 = None;
            return sent;
        }
        if rest.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let limit = rest.stall_time;
        let patience = self.0.get_or_insert_with(|| Box::pin(sleep(limit)));
        if patience.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        rest.stats.count(Outcome::Stalled);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.writing.judge(sent, &mut this.rest, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.writing.judge(sent, &mut this.rest, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.inner).poll_flush(context);
        this.flushing.judge(sent, &mut this.rest, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.inner).poll_shutdown(context);
        this.flushing.judge(sent, &mut this.rest, context)
    }
}

impl<T> Drop for Wire<T> {
    fn drop(&mut self) {
        if self.phase.get() == SOCKET {
            self.rest.stats.socket_closed();
        }
    }
}

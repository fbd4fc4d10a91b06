//! A clock that a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sysmaint_endpoint::Clock;
use tokio::sync::watch;

/// The system's time, and what a test has added to it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Moment(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// Milliseconds.
    offset: AtomicI64,
    moved: watch::Sender<()>,
}

impl Moment {
    /// The clock.
    pub fn clock(&self) -> Clock {
        let (hands, system) = (self.0.clone(), Clock::system());
        let clock = Clock::new(move || {
            let offset = hands.offset.load(Ordering::SeqCst);
            let span = Duration::from_millis(offset.unsigned_abs());
            if offset < 0 { system.now().before(span) } else { system.now().after(span) }
        });
        clock.telling(self.0.moved.subscribe())
    }

    /// Moves it on.
    pub fn forward(&self, span: Duration) {
        self.turn(i64::try_from(span.as_millis()).unwrap());
    }

    /// Puts it back.
    pub fn back(&self, span: Duration) {
        self.turn(-i64::try_from(span.as_millis()).unwrap());
    }

    fn turn(&self, millis: i64) {
        self.0.offset.fetch_add(millis, Ordering::SeqCst);
        self.0.moved.send_replace(());
    }
}

//! A clock that a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sysmaint_endpoint::Clock;

/// The system's time, and what a test has added to it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Moment(Arc<AtomicI64>);

impl Moment {
    /// The clock.
    pub fn clock(&self) -> Clock {
        let (offset, system) = (self.0.clone(), Clock::system());
        Clock::new(move || {
            let offset = offset.load(Ordering::SeqCst);
            let span = Duration::from_millis(offset.unsigned_abs());
            if offset < 0 { system.now().before(span) } else { system.now().after(span) }
        })
    }

    /// Moves it on.
    pub fn forward(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Puts it back.
    pub fn back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

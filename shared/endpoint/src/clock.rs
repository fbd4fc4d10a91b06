//! What time it is.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sysmaint_protocol::Timestamp;
use tokio::sync::watch;

/// How often the clock is looked at while time passes: a timer does not see that the machine slept,
/// or that somebody set the clock.
const LOOK: Duration = Duration::from_secs(5);

/// A clock that tests can set.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    moved: Option<watch::Receiver<()>>,
}

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// Any other.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), moved: None }
    }

    /// One that tells when it is set, so that whoever waits looks at once.
    #[must_use]
    pub fn telling(self, moved: watch::Receiver<()>) -> Self {
        Self { moved: Some(moved), ..self }
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Waits until so much time has passed by this clock, or the clock was put back.
    pub async fn pass(&self, span: Duration) {
        let since = self.now();
        let mut moved = self.moved.clone();
        loop {
            let now = self.now();
            let left = span.saturating_sub(now.since(since));
            if now < since || left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK)) => {}
                () = set(&mut moved) => {}
            }
        }
    }
}

/// Waits until somebody sets the clock; for ever, where nobody tells.
async fn set(moved: &mut Option<watch::Receiver<()>>) {
    if let Some(receiver) = moved
        && receiver.changed().await.is_ok()
    {
        return;
    }
    *moved = None;
    std::future::pending::<()>().await;
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Clock")
    }
}

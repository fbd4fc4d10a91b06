//! Dying at one exact point.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sysmaint_tests::{KillPlan, KillPoint};

/// How long what was begun may go on until it is interrupted.
const BEGUN: Duration = Duration::from_millis(2);

/// Burns down with each passage of the planned point.
pub(crate) struct Fuse {
    plan: Option<KillPlan>,
    passed: AtomicU64,
}

impl Fuse {
    pub(crate) const fn new(plan: Option<KillPlan>) -> Self {
        Self { plan, passed: AtomicU64::new(0) }
    }

    /// Whether this life ends at that point.
    pub(crate) fn is_for(&self, point: KillPoint) -> bool {
        self.plan.is_some_and(|plan| plan.point == point)
    }

    /// Goes by a point, or no further.
    pub(crate) fn pass(&self, point: KillPoint) {
        if self.burns_down(point) {
            die(point);
        }
    }

    /// Does something that lasts a while; or begins it, and dies before its outcome is known.
    pub(crate) async fn interrupt<T>(&self, point: KillPoint, what: impl Future<Output = T>) -> T {
        if self.burns_down(point) {
            let _ = tokio::time::timeout(BEGUN, what).await;
            die(point);
        }
        what.await
    }

    fn burns_down(&self, point: KillPoint) -> bool {
        let Some(plan) = self.plan.filter(|plan| plan.point == point) else { return false };
        self.passed.fetch_add(1, Ordering::SeqCst) + 1 == plan.passage
    }
}

/// `kill -9` of this very process: nothing is tidied up, nothing is flushed.
#[expect(unsafe_code, reason = "there is no safe call for a signal")]
fn die(point: KillPoint) -> ! {
    let _ = writeln!(std::io::stdout(), "died {}", point.name());
    loop {
        // SAFETY: raise takes an integer and touches no memory of ours.
        unsafe { libc::raise(libc::SIGKILL) };
    }
}

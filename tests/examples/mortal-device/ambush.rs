//! Dying inside transactions that are not this program's own, with no hook in them.
//!
//! The writer takes whatever waits into one transaction, a savepoint a step. So steps that only
//! look are queued all the time; one of them finds itself in a transaction with what it looks
//! for, compares with what is committed, and knows exactly that nothing of it is on the disk yet.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sysmaint_device::store::{QueueStore as _, StoreError};
use sysmaint_endpoint::Endpoint;
use sysmaint_protocol::{Address, Handle, Timestamp};
use sysmaint_store::{RepairCounts, SqlError, View};
use sysmaint_tests::KillPoint;
use tokio::task::JoinSet;

use crate::{Failure, fuse::Fuse, say};

/// So many that one of them is always waiting.
const AT_ONCE: usize = 4;
const EVERY: Duration = Duration::from_millis(1);
const POINTS: [KillPoint; 3] = [KillPoint::Opened, KillPoint::Receipts, KillPoint::Repair];

/// Runs until it is dropped.
pub(crate) async fn lie_in_wait(endpoint: Endpoint, fuse: Arc<Fuse>) {
    let Some(point) = POINTS.into_iter().find(|point| fuse.is_for(*point)) else {
        return std::future::pending().await;
    };
    let mut all = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (endpoint, fuse) = (endpoint.clone(), fuse.clone());
        all.spawn(async move {
            loop {
                let (place, fuse) = (endpoint.clone(), fuse.clone());
                let look = endpoint.store().write(move |tx| -> Result<(), Failure> {
                    let of = |view: &View<'_>| Sight::of(*view, place.handle(), place.slot());
                    let (committed, here) = (place.store().read_now(of)?, of(tx)?);
                    if here.shows(point, &committed) {
                        fuse.pass(point);
                    }
                    Ok(())
                });
                if let Err(error) = look.await {
                    say(&format!("trouble while lying in wait: {error}"));
                }
                tokio::time::sleep(EVERY).await;
            }
        });
    }
    all.join_all().await;
}

/// What a transaction may have changed.
struct Sight {
    unhandled: BTreeSet<i64>,
    outbox: BTreeSet<i64>,
    owed: BTreeSet<Address>,
    repairs: RepairCounts,
}

impl Sight {
    fn of(view: View<'_>, own: &Handle, slot: i64) -> Result<Self, Failure> {
        let far = Timestamp::from_millis(i64::MAX as u64);
        let owed = match view.known_device(own)? {
            Some(device) => device.receipts_due(Timestamp::from_millis(0), 1)?,
            None => Vec::new(),
        };
        let unhandled = view.inbox().unhandled(slot, 0, usize::from(u16::MAX))?;
        let outbox = view.outbox().due(slot, far, usize::from(u16::MAX))?;
        Ok(Self {
            unhandled: unhandled.iter().map(|row| row.id).collect(),
            outbox: outbox.iter().map(|row| row.id).collect(),
            owed: owed.into_iter().map(|due| due.peer).collect(),
            repairs: view.repairs().counts(slot)?,
        })
    }

    fn shows(&self, point: KillPoint, committed: &Self) -> bool {
        match point {
            KillPoint::Opened => !self.unhandled.is_subset(&committed.unhandled),
            KillPoint::Receipts => {
                !self.outbox.is_subset(&committed.outbox) && !committed.owed.is_subset(&self.owed)
            }
            KillPoint::Repair => self.repairs != committed.repairs,
            _ => false,
        }
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

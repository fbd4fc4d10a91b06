//! Requests to resend, in memory.

use std::collections::{BTreeSet, VecDeque};

use sysmaint_protocol::{
    Address, ContentId, Timestamp, TransferId,
    limits::{RESENDS_WAITING, RETRIES_PER_HOUR},
};

use super::Memory;
use crate::{
    Sealed,
    store::{NewOutbox, NewRetry, RepairStore, RetryDue, SentMessage, StoreError},
};

/// Digests and requests that are kept.
const SETTLED: usize = 2_000;
const RETRIES_WAITING: usize = 1_000;
/// A transfer id gives 63 bits.
const REPAIR_KEY_MAX: u64 = u64::MAX >> 1;
const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Repairs {
    pub(super) settled: VecDeque<u64>,
    pub(super) retries: Vec<Awaited>,
    pub(super) asked: Vec<(Address, Timestamp)>,
    pub(super) resends: Vec<(Address, u64)>,
    pub(super) requested: Vec<(Address, Timestamp)>,
    pub(super) sent: Vec<(Address, u64, SentMessage)>,
    pub(super) refilled: Vec<ContentId>,
    pub(super) repaired: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    due: RetryDue,
    asked_at: Timestamp,
    due_at: Timestamp,
}

impl Memory {
    /// Messages that were asked for and came again.
    pub fn repaired(&self) -> usize {
        self.repair.repaired
    }

    /// Messages that are asked for and have not come yet.
    pub fn awaited(&self) -> usize {
        self.repair.retries.len()
    }

    /// When a peer was asked, within the last hour that anybody was.
    pub fn asked(&self, peer: Address) -> impl Iterator<Item = Timestamp> {
        self.repair.asked.iter().filter(move |(to, _)| *to == peer).map(|(_, at)| *at)
    }

    /// Telemetry whose samples are to be sent again.
    pub fn refilled(&self) -> &[ContentId] {
        &self.repair.refilled
    }
}

impl Repairs {
    pub(super) fn log(&mut self, entry: &NewOutbox<'_>) {
        let copies = |(to, _, sent): &&(Address, u64, SentMessage)| {
            *to == entry.recipient && sent.content_id == entry.content_id
        };
        let sent = SentMessage {
            content_id: entry.content_id,
            kind: entry.kind,
            in_reply_to: entry.in_reply_to,
            body: entry.body.map(<[u8]>::to_vec),
            sealed_at: entry.sealed_at,
            copies: u32::try_from(self.sent.iter().filter(copies).count()).unwrap_or(u32::MAX) + 1,
            delivered: false,
        };
        self.sent.push((entry.recipient, entry.sealed.transfer_id().repair_key(), sent));
    }

    /// Notes what its recipient has; which of that it was sent. Telemetry is done with then.
    pub(super) fn delivered(&mut self, peer: Address, content_ids: &[ContentId]) -> Vec<ContentId> {
        let sent_to = |id: &ContentId| {
            self.sent.iter().any(|(to, _, sent)| *to == peer && sent.content_id == *id)
        };
        let theirs: Vec<_> = content_ids.iter().copied().filter(sent_to).collect();
        let latest = self
            .sent
            .iter()
            .rposition(|(to, _, sent)| *to == peer && theirs.contains(&sent.content_id));
        for (to, _, sent) in self.sent.iter_mut().take(latest.unwrap_or(0)) {
            sent.delivered |= *to == peer && sent.kind.is_ephemeral();
        }
        self.sent.retain_mut(|(to, _, sent)| {
            let confirmed = *to == peer && theirs.contains(&sent.content_id);
            sent.delivered |= confirmed;
            !(confirmed && sent.kind.is_refillable())
        });
        theirs
    }
}

impl RepairStore for Memory {
    fn was_settled(&self, digest: u64) -> Result<bool, StoreError> {
        Ok(self.repair.settled.contains(&digest))
    }

    fn note_settled(&mut self, digest: u64) -> Result<(), StoreError> {
        self.repair.settled.push_back(digest);
        if self.repair.settled.len() > SETTLED {
            self.repair.settled.pop_front();
        }
        Ok(())
    }

    fn owe_retry(&mut self, retry: &NewRetry<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let waiting = &mut self.repair.retries;
        let known =
            |of: &Awaited| of.due.peer == retry.peer && of.due.transfer_id == retry.transfer_id;
        if waiting.iter().any(known) {
            return Ok(true);
        }
        if waiting.iter().filter(|of| of.due.peer == retry.peer).count() >= RETRIES_WAITING {
            return Ok(false);
        }
        let due = RetryDue {
            peer: retry.peer,
            transfer_id: retry.transfer_id,
            reason: retry.reason,
            request: retry.request.to_vec(),
            stored_at: retry.stored_at,
            asked: 0,
        };
        waiting.push(Awaited { due, asked_at: now, due_at: now });
        Ok(true)
    }

    fn retries_due(&self, now: Timestamp) -> Result<Vec<RetryDue>, StoreError> {
        let peers: BTreeSet<_> = self.repair.retries.iter().map(|of| of.due.peer).collect();
        let mut due = Vec::new();
        for peer in peers {
            let asked = self.repair.asked.iter().filter(|(to, at)| *to == peer && lately(*at, now));
            let room = (RETRIES_PER_HOUR as usize).saturating_sub(asked.count());
            let ready = self
                .repair
                .retries
                .iter()
                .filter(|of| of.due.peer == peer && (of.due_at <= now || of.asked_at > now));
            due.extend(ready.take(room).map(|of| of.due.clone()));
        }
        Ok(due)
    }

    fn note_retry(
        &mut self,
        peer: Address,
        transfer_id: TransferId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.repair.asked.retain(|(_, at)| lately(*at, now));
        self.repair.asked.push((peer, now));
        for of in &mut self.repair.retries {
            if of.due.peer == peer && of.due.transfer_id == transfer_id {
                of.due.asked += 1;
                (of.asked_at, of.due_at) = (now, again_at);
            }
        }
        Ok(())
    }

    fn take_retry(
        &mut self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<RetryDue>, StoreError> {
        let waiting = &mut self.repair.retries;
        let found = waiting
            .iter()
            .position(|of| of.due.peer == peer && of.due.transfer_id.repair_key() == repair_key);
        Ok(found.map(|index| waiting.remove(index).due))
    }

    fn count_repaired(&mut self) -> Result<(), StoreError> {
        self.repair.repaired += 1;
        Ok(())
    }

    fn queue_request(&mut self, sealed: &Sealed) -> Result<(), StoreError> {
        self.outbox.push(sealed.clone());
        Ok(())
    }

    fn owe_resend(
        &mut self,
        peer: Address,
        repair_key: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let asked = self.repair.requested.iter().filter(|(of, at)| *of == peer && lately(*at, now));
        let waiting = self.repair.resends.iter().filter(|(of, _)| *of == peer);
        let full = asked.count() >= RETRIES_PER_HOUR as usize || waiting.count() >= RESENDS_WAITING;
        if full || repair_key > REPAIR_KEY_MAX {
            return Ok(false);
        }
        self.repair.requested.retain(|(_, at)| lately(*at, now));
        self.repair.requested.push((peer, now));
        self.repair.resends.push((peer, repair_key));
        Ok(true)
    }

    fn resends_owed(&self) -> Result<Vec<Address>, StoreError> {
        let peers: BTreeSet<_> = self.repair.resends.iter().map(|(peer, _)| *peer).collect();
        Ok(peers.into_iter().collect())
    }

    fn take_resends(&mut self, peer: Address, limit: usize) -> Result<Vec<u64>, StoreError> {
        let mut taken = Vec::new();
        self.repair.resends.retain(|(of, key)| {
            let take = *of == peer && taken.len() < limit;
            if take {
                taken.push(*key);
            }
            !take
        });
        Ok(taken)
    }

    fn sent_message(
        &self,
        peer: Address,
        repair_key: u64,
    ) -> Result<Option<SentMessage>, StoreError> {
        let log = &self.repair.sent;
        let Some((_, _, named)) = log.iter().find(|(to, key, _)| (*to, *key) == (peer, repair_key))
        else {
            return Ok(None);
        };
        let latest = log
            .iter()
            .rev()
            .find(|(to, _, sent)| *to == peer && sent.content_id == named.content_id);
        Ok(latest.map(|(_, _, sent)| sent.clone()))
    }

    fn refill_telemetry(
        &mut self,
        peer: Address,
        content_id: Option<ContentId>,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        for (to, _, sent) in &mut self.repair.sent {
            let meant = content_id.is_none_or(|id| id == sent.content_id);
            if *to == peer && meant && sent.kind.is_refillable() && !sent.delivered {
                sent.delivered = true;
                self.repair.refilled.push(sent.content_id);
            }
        }
        Ok(())
    }
}

/// Within the last hour, by a clock that may have been put back since.
fn lately(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < HOUR
}

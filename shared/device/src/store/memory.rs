//! The reference store: maps in memory. A transaction is a clone that replaces its origin.

mod difference;
mod repair;

use std::collections::{BTreeMap, BTreeSet};

use sysmaint_protocol::{
    Address, ContentId, DeviceId, Envelope, Handle, Kind, ServiceId, Timestamp, TransferId,
    limits::{DEAD_LETTERS, HELD_BYTES, HELD_MESSAGES, RECEIPT_DELAY},
    subject::Mailbox,
};

pub use difference::Difference;

use super::{
    Contact, DeadLetter, Held, LocalDevice, LocalStore, NewInbox, NewOutbox, Peer, PeerStore,
    PrekeyClass, PrekeyRecord, PrekeyStore, QueueStore, ReceiptDue, StoreError,
};
use crate::{Sealed, key::IdentityKey};

/// A device's store in memory, with what it queued and received in plain view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    local: Option<LocalDevice>,
    sessions: BTreeMap<Address, Vec<u8>>,
    peers: BTreeMap<Address, Peer>,
    contacts: BTreeMap<Handle, Contact>,
    sequences: BTreeMap<Address, u64>,
    received: BTreeMap<Address, BTreeSet<u64>>,
    unopened: BTreeMap<Address, u64>,
    prekeys: BTreeMap<(PrekeyClass, u32), PrekeyRecord>,
    last_resort: BTreeSet<(u32, u32, Vec<u8>)>,
    receipts: Vec<(Address, ContentId, Timestamp)>,
    outbox: Vec<Sealed>,
    inbox: Vec<InMemory>,
    delivered: Vec<ContentId>,
    held: Vec<Held>,
    rejected: BTreeSet<(Address, Vec<u8>)>,
    dead: Vec<DeadLetter>,
    repair: repair::Repairs,
}

/// A message in the memory store's inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InMemory {
    /// Who sealed it.
    pub sender: Address,
    /// What is said.
    pub content_id: ContentId,
    /// Its kind.
    pub kind: Kind,
    /// Its body.
    pub body: Vec<u8>,
}

impl Memory {
    /// What was queued, oldest first; empties the outbox.
    pub fn take_outbox(&mut self) -> Vec<Sealed> {
        std::mem::take(&mut self.outbox)
    }

    /// What was received, oldest first.
    pub fn inbox(&self) -> &[InMemory] {
        &self.inbox
    }

    /// What peers have confirmed.
    pub fn delivered(&self) -> &[ContentId] {
        &self.delivered
    }

    /// What could not be opened.
    pub fn dead(&self) -> &[DeadLetter] {
        &self.dead
    }

    /// Messages of a peer that never arrived, as far as the sequences of the others tell.
    pub fn missing(&self, peer: Address) -> u64 {
        let received = self.received.get(&peer);
        let highest = received.and_then(|sequences| sequences.last()).copied().unwrap_or(0);
        let arrived = received.map_or(0, |sequences| sequences.len() as u64)
            + self.unopened.get(&peer).copied().unwrap_or(0);
        highest.saturating_sub(arrived)
    }

    /// Envelopes that wait for a decision on an identity.
    pub fn held(&self) -> Vec<Envelope> {
        self.held.iter().filter_map(|held| Envelope::parse(held.envelope.clone()).ok()).collect()
    }

    /// Ids of what is queued.
    pub fn queued(&self) -> impl Iterator<Item = TransferId> {
        self.outbox.iter().map(Sealed::transfer_id)
    }
}

impl LocalStore for Memory {
    fn local(&self) -> Result<Option<LocalDevice>, StoreError> {
        Ok(self.local.clone())
    }

    fn put_local(&mut self, local: &LocalDevice) -> Result<(), StoreError> {
        self.local = Some(local.clone());
        Ok(())
    }
}

impl PeerStore for Memory {
    fn session(&self, peer: Address) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.sessions.get(&peer).cloned())
    }

    fn put_session(&mut self, peer: Address, record: &[u8]) -> Result<(), StoreError> {
        self.sessions.insert(peer, record.to_vec());
        Ok(())
    }

    fn drop_session(&mut self, peer: Address) -> Result<(), StoreError> {
        self.sessions.remove(&peer);
        Ok(())
    }

    fn reject_key(&mut self, peer: Address, key: &IdentityKey) -> Result<(), StoreError> {
        self.rejected.insert((peer, key.as_bytes().to_vec()));
        Ok(())
    }

    fn is_rejected(&self, peer: Address, key: &IdentityKey) -> Result<bool, StoreError> {
        Ok(self.rejected.contains(&(peer, key.as_bytes().to_vec())))
    }

    fn retire_sessions(
        &mut self,
        rewrite: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.sessions = std::mem::take(&mut self.sessions)
            .into_iter()
            .filter_map(|(peer, record)| Some((peer, rewrite(&record)?)))
            .collect();
        Ok(())
    }

    fn peer(&self, peer: Address) -> Result<Option<Peer>, StoreError> {
        Ok(self.peers.get(&peer).cloned())
    }

    fn put_peer(&mut self, address: Address, peer: &Peer) -> Result<(), StoreError> {
        let first_seen = self.peers.get(&address).map_or(peer.first_seen, |known| known.first_seen);
        self.peers.insert(address, Peer { first_seen, ..peer.clone() });
        Ok(())
    }

    fn peers_of(&self, service_id: ServiceId) -> Result<Vec<(DeviceId, Peer)>, StoreError> {
        let theirs = self.peers.iter().filter(|(address, _)| address.service_id == service_id);
        Ok(theirs.map(|(address, peer)| (address.device_id, peer.clone())).collect())
    }

    fn contact(&self, handle: &Handle) -> Result<Option<Contact>, StoreError> {
        Ok(self.contacts.get(handle).cloned())
    }

    fn put_contact(&mut self, handle: &Handle, contact: &Contact) -> Result<(), StoreError> {
        self.contacts.insert(handle.clone(), contact.clone());
        Ok(())
    }

    fn contacts(&self) -> Result<Vec<(Handle, Contact)>, StoreError> {
        let contacts = self.contacts.iter();
        Ok(contacts.map(|(handle, contact)| (handle.clone(), contact.clone())).collect())
    }

    fn handle_of(&self, service_id: ServiceId) -> Result<Option<Handle>, StoreError> {
        let mut contacts = self.contacts.iter();
        Ok(contacts
            .find(|(_, contact)| contact.service_id == service_id)
            .map(|(handle, _)| handle.clone()))
    }

    fn next_sequence(&mut self, peer: Address) -> Result<u64, StoreError> {
        if !self.peers.contains_key(&peer) {
            return Err(StoreError("a message for a peer that is not known".into()));
        }
        let sequence = self.sequences.entry(peer).or_default();
        *sequence += 1;
        Ok(*sequence)
    }

    fn last_sequence(&self, peer: Address) -> Result<u64, StoreError> {
        Ok(self.sequences.get(&peer).copied().unwrap_or(0))
    }

    fn note_received(&mut self, peer: Address, sequence: u64) -> Result<(), StoreError> {
        self.received.entry(peer).or_default().insert(sequence);
        Ok(())
    }

    fn note_unopened(&mut self, peer: Address) -> Result<(), StoreError> {
        *self.unopened.entry(peer).or_default() += 1;
        Ok(())
    }
}

impl PrekeyStore for Memory {
    fn prekey(&self, class: PrekeyClass, id: u32) -> Result<Option<PrekeyRecord>, StoreError> {
        Ok(self.prekeys.get(&(class, id)).cloned())
    }

    fn prekeys(&self, class: PrekeyClass) -> Result<Vec<PrekeyRecord>, StoreError> {
        let mut prekeys: Vec<_> = self
            .prekeys
            .iter()
            .filter(|((of, _), _)| *of == class)
            .map(|(_, prekey)| prekey.clone())
            .collect();
        prekeys.sort_by_key(|prekey| prekey.created_at);
        Ok(prekeys)
    }

    fn put_prekey(&mut self, class: PrekeyClass, prekey: &PrekeyRecord) -> Result<(), StoreError> {
        self.prekeys.insert((class, prekey.id), prekey.clone());
        Ok(())
    }

    fn remove_prekey(&mut self, class: PrekeyClass, id: u32) -> Result<(), StoreError> {
        self.prekeys.remove(&(class, id));
        if class == PrekeyClass::LastResort {
            self.last_resort.retain(|(kyber_id, _, _)| *kyber_id != id);
        }
        Ok(())
    }

    fn mark_prekeys_uploaded(&mut self) -> Result<(), StoreError> {
        self.prekeys.values_mut().for_each(|prekey| prekey.uploaded = true);
        Ok(())
    }

    fn note_last_resort(
        &mut self,
        kyber_id: u32,
        signed_id: u32,
        base_key: &[u8],
    ) -> Result<bool, StoreError> {
        Ok(self.last_resort.insert((kyber_id, signed_id, base_key.to_vec())))
    }
}

impl QueueStore for Memory {
    fn queue(&mut self, entry: &NewOutbox<'_>) -> Result<(), StoreError> {
        self.outbox.push(entry.sealed.clone());
        self.repair.log(entry);
        Ok(())
    }

    fn deliver(&mut self, entry: &NewInbox<'_>) -> Result<bool, StoreError> {
        let (sender, content_id) = (entry.sender, entry.content_id);
        if self.inbox.iter().any(|known| (known.sender, known.content_id) == (sender, content_id)) {
            return Ok(false);
        }
        self.inbox.push(InMemory { sender, content_id, kind: entry.kind, body: entry.body.into() });
        Ok(true)
    }

    fn owe_receipt(
        &mut self,
        peer: Address,
        content_id: ContentId,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.receipts.push((peer, content_id, due_at));
        Ok(())
    }

    fn receipts_due(&self, now: Timestamp, batch: usize) -> Result<Vec<ReceiptDue>, StoreError> {
        let mut owed: BTreeMap<Address, (usize, bool)> = BTreeMap::new();
        // Due later than any receipt ever is: the clock was put back since.
        let clock_went_back = now.after(RECEIPT_DELAY);
        for (peer, _, due_at) in &self.receipts {
            let (count, due) = owed.entry(*peer).or_default();
            *count += 1;
            *due |= *due_at <= now || *due_at > clock_went_back;
        }
        let due = owed.into_iter().filter(|(_, (count, due))| *due || *count >= batch);
        Ok(due.map(|(peer, _)| ReceiptDue { peer }).collect())
    }

    fn take_receipts(&mut self, peer: Address, limit: usize) -> Result<Vec<ContentId>, StoreError> {
        let mut taken = Vec::new();
        self.receipts.retain(|(to, content_id, _)| {
            let take = *to == peer && taken.len() < limit;
            if take {
                taken.push(*content_id);
            }
            !take
        });
        Ok(taken)
    }

    fn note_delivered(
        &mut self,
        peer: Address,
        content_ids: &[ContentId],
        _telemetry_window: u32,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        self.delivered.extend(self.repair.delivered(peer, content_ids));
        Ok(())
    }

    fn telemetry_senders(&self) -> Result<u32, StoreError> {
        let telemetry = self.inbox.iter().filter(|entry| entry.kind == Kind::Telemetry);
        let senders: BTreeSet<_> = telemetry.map(|entry| entry.sender).collect();
        Ok(u32::try_from(senders.len()).unwrap_or(u32::MAX))
    }

    fn hold(&mut self, held: &Held) -> Result<bool, StoreError> {
        let of_sender = self.held.iter().filter(|known| known.sender == held.sender);
        let (count, bytes) = of_sender.fold((0, held.envelope.len()), |(count, bytes), known| {
            (count + 1, bytes + known.envelope.len())
        });
        let room = count < HELD_MESSAGES && bytes <= HELD_BYTES;
        if room {
            self.held.push(held.clone());
        }
        Ok(room)
    }

    fn take_held(&mut self, sender: Address) -> Result<Vec<Held>, StoreError> {
        Ok(self.held.extract_if(.., |held| held.sender == sender).collect())
    }

    fn held_senders(&self) -> Result<Vec<Address>, StoreError> {
        let senders: BTreeSet<_> = self.held.iter().map(|held| held.sender).collect();
        Ok(senders.into_iter().collect())
    }

    fn withdraw(&mut self, to: &Mailbox, _peer: Address) -> Result<(), StoreError> {
        self.outbox.retain(|sealed| sealed.to() != to);
        Ok(())
    }

    fn readdress(&mut self, to: &Mailbox, registration_id: u32) -> Result<(), StoreError> {
        for sealed in self.outbox.iter_mut().filter(|sealed| sealed.to() == to) {
            *sealed = sealed.readdressed(registration_id);
        }
        Ok(())
    }

    fn bury(&mut self, letter: &DeadLetter) -> Result<(), StoreError> {
        if self.dead.len() == DEAD_LETTERS {
            self.dead.remove(0);
        }
        self.dead.push(letter.clone());
        Ok(())
    }
}

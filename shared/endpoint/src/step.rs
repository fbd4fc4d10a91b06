//! One transaction of a device.

use std::ops::Deref;

use rand::rngs::ThreadRng;
use sysmaint_device::{
    Device, Reach, SealError,
    store::{RepairStore, StoreError},
};
use sysmaint_protocol::{
    Address, ContentId, DeviceId, Handle, Timestamp,
    body::{Body, Telemetry},
};
use sysmaint_store::{DeviceStore, Queued, SqlError, Tx};

/// The tables, the device, and the moment, inside one transaction.
pub struct Step<'a, 'tx> {
    tx: &'a Tx<'tx>,
    device: &'a Device,
    store: DeviceStore<'tx>,
    rng: ThreadRng,
    now: Timestamp,
}

/// A step failed and is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A message could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A statement failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The device's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<'a, 'tx> Step<'a, 'tx> {
    pub(crate) fn new(
        tx: &'a Tx<'tx>,
        device: &'a Device,
        now: Timestamp,
    ) -> Result<Self, StepError> {
        let store = tx.device(device.handle())?;
        Ok(Self { tx, device, store, rng: rand::rng(), now })
    }

    /// Seals a body to every device of a handle that can be reached; [`crate::Endpoint::prepare`]
    /// makes sure that this is every one.
    pub fn send<B: Body>(
        &mut self,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
    ) -> Result<ContentId, SealError> {
        self.send_to(to, in_reply_to, body, Reach::Some)
    }

    /// The same to the devices that are named.
    pub(crate) fn send_to<B: Body>(
        &mut self,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
        reach: Reach<'_>,
    ) -> Result<ContentId, SealError> {
        let Self { device, store, rng, now, .. } = self;
        device.send_to(store, rng, *now, to, in_reply_to, body, reach)
    }

    /// The devices of a handle, as first seen.
    pub fn addresses(&self, handle: &Handle) -> Result<Vec<Address>, StepError> {
        let contact = sysmaint_device::store::PeerStore::contact(&self.store, handle)?;
        Ok(contact.map_or_else(Vec::new, |contact| {
            let service_id = contact.service_id;
            let devices = contact.devices.into_iter();
            devices.map(|device_id| Address { service_id, device_id }).collect()
        }))
    }

    /// Telemetry envelopes that may still go to some device of a handle. One that is switched off
    /// does not keep them from the others.
    pub fn telemetry_room(&self, handle: &Handle) -> Result<u32, StepError> {
        let rooms = self.telemetry_rooms(handle)?;
        Ok(rooms.into_iter().map(|(_, room)| room).max().unwrap_or(0))
    }

    /// Seals telemetry to every device of a handle that has room for it, and remembers its samples
    /// until they are confirmed. A device whose window is full misses them.
    pub fn send_telemetry(
        &mut self,
        to: &Handle,
        telemetry: &Telemetry,
    ) -> Result<ContentId, StepError> {
        let rooms = self.telemetry_rooms(to)?.into_iter();
        let devices: Vec<_> =
            rooms.filter(|(_, room)| *room > 0).map(|(address, _)| address.device_id).collect();
        let id = self.send_to(to, None, telemetry, Reach::Among(&devices))?;
        self.tx.sent().note_samples(self.store.slot(), id, &telemetry.stretches())?;
        Ok(id)
    }

    /// Has the samples of all telemetry that is not confirmed sent again.
    pub(crate) fn refill_telemetry(&mut self) -> Result<(), StepError> {
        for peer in self.tx.sent().owing_receipts(self.store.slot())? {
            RepairStore::refill_telemetry(&mut self.store, peer, None, self.now)?;
        }
        Ok(())
    }

    fn telemetry_rooms(&self, handle: &Handle) -> Result<Vec<(Address, u32)>, StepError> {
        let (sent, slot) = (self.tx.sent(), self.store.slot());
        let room = |address| Ok((address, sent.telemetry_room(slot, address, self.now)?));
        self.addresses(handle)?.into_iter().map(room).collect()
    }

    /// Seals something ephemeral to one device of a handle; false, and nothing is made, where too
    /// much is on its way to it already.
    pub fn send_ephemeral<B: Body>(
        &mut self,
        to: &Handle,
        device_id: DeviceId,
        in_reply_to: Option<ContentId>,
        body: &B,
    ) -> Result<bool, StepError> {
        let theirs = |address: &Address| address.device_id == device_id;
        let Some(address) = self.addresses(to)?.into_iter().find(theirs) else { return Ok(false) };
        if self.tx.sent().ephemeral_room(self.store.slot(), address)? == 0 {
            return Ok(false);
        }
        self.send_to(to, in_reply_to, body, Reach::Among(&[device_id]))?;
        Ok(true)
    }

    /// What this step has sealed so far, in order.
    pub fn queued(&self) -> &[Queued] {
        self.store.queued()
    }

    /// The same, at its end.
    pub(crate) fn into_queued(self) -> Vec<Queued> {
        self.store.into_queued()
    }

    /// The moment of this step.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn parts(&mut self) -> (&Device, &mut DeviceStore<'tx>, &mut ThreadRng) {
        (self.device, &mut self.store, &mut self.rng)
    }
}

impl<'tx> Deref for Step<'_, 'tx> {
    type Target = Tx<'tx>;

    fn deref(&self) -> &Tx<'tx> {
        self.tx
    }
}

impl std::fmt::Debug for Step<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Step").field("now", &self.now).finish_non_exhaustive()
    }
}

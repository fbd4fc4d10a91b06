//! One transaction of a device.

use std::ops::Deref;

use rand::rngs::ThreadRng;
use sysmaint_device::{Device, SealError, store::StoreError};
use sysmaint_protocol::{
    Address, ContentId, Handle, Timestamp,
    body::{Body, Telemetry},
};
use sysmaint_store::{DeviceStore, SqlError, Tx};

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

    /// Seals a body to every device of a handle.
    pub fn send<B: Body>(
        &mut self,
        to: &Handle,
        in_reply_to: Option<ContentId>,
        body: &B,
    ) -> Result<ContentId, SealError> {
        self.device.send(&mut self.store, &mut self.rng, self.now, to, in_reply_to, body)
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

    /// Telemetry envelopes that may still go to every device of a handle.
    pub fn telemetry_room(&self, handle: &Handle) -> Result<u32, StepError> {
        let mut room = None;
        for address in self.addresses(handle)? {
            let here = self.tx.sent().telemetry_room(self.store.slot(), address, self.now)?;
            room = Some(room.map_or(here, |least: u32| least.min(here)));
        }
        Ok(room.unwrap_or(0))
    }

    /// Seals telemetry to every device of a handle, and remembers its samples until they are
    /// confirmed.
    pub fn send_telemetry(
        &mut self,
        to: &Handle,
        telemetry: &Telemetry,
    ) -> Result<ContentId, StepError> {
        let id = self.send(to, None, telemetry)?;
        if let Some(first) = telemetry.samples.first() {
            self.tx.sent().note_samples(self.store.slot(), id, first.sequence)?;
        }
        Ok(id)
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

//! Further devices of somebody, and what a directory says of them.

use std::collections::BTreeMap;

use sysmaint_protocol::{
    Address, Base64Bytes, DeviceId,
    rest::{Bundle, FormerDevice, Roster, RosterDevice},
};

use crate::participant::{Participant, World};

pub(crate) fn number(number: u8) -> DeviceId {
    DeviceId::try_from(number).unwrap()
}

/// Another device of somebody, with keys of its own.
pub(crate) fn further(world: &World, first: &Participant, device_id: u8) -> Participant {
    let mut further = world.participant(first.handle().as_str());
    let service_id = first.device.address().service_id;
    further.become_device(world, Address { service_id, device_id: number(device_id) });
    further
}

pub(crate) fn word(by: &mut Participant, about: &Participant) -> Base64Bytes {
    let key = about.device.identity_key().unwrap();
    let device_id = about.device.address().device_id;
    by.device.admit(&mut by.rng, device_id, &key).unwrap().to_bytes().into()
}

/// What a directory says of somebody's devices.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) admissions: BTreeMap<u8, Base64Bytes>,
    pub(crate) former: Vec<FormerDevice>,
}

impl Listed {
    pub(crate) fn admit(&mut self, by: &mut Participant, about: &Participant) {
        self.admissions.insert(about.device.address().device_id.get(), word(by, about));
    }

    pub(crate) fn bundle(&self, devices: &mut [&mut Participant]) -> Bundle {
        let mut bundles = devices.iter_mut().map(|device| device.bundle());
        let mut all = bundles.next().unwrap();
        all.devices.extend(bundles.flat_map(|bundle| bundle.devices));
        for device in &mut all.devices {
            device.admission = self.admissions.get(&device.device_id.get()).cloned();
        }
        all
    }

    pub(crate) fn roster(&self, devices: &mut [&mut Participant]) -> Roster {
        let Bundle { identity, service_id, devices } = self.bundle(devices);
        let listed = devices.into_iter().map(|device| RosterDevice {
            device_id: device.device_id,
            registration_id: device.registration_id,
            identity_key: device.identity_key,
            certificate: device.certificate,
            admission: device.admission,
        });
        let (devices, former) = (listed.collect(), self.former.clone());
        Roster { identity, service_id, revision: 1, devices, former }
    }

    pub(crate) fn revoke(&mut self, device: &Participant) {
        let (device_id, key) =
            (device.device.address().device_id, device.device.identity_key().unwrap());
        let admission = self.admissions.get(&device_id.get()).cloned();
        let identity_key = Base64Bytes(key.as_bytes().to_vec());
        self.former.push(FormerDevice { device_id, identity_key, admission });
    }
}

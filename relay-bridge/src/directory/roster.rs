//! Who belongs to a handle, for whoever wants to write to all of them and to nobody else.

use sysmaint_bus::registry::{Identity, RegisteredDevice, RevokedDevice};
use sysmaint_protocol::{
    Handle,
    rest::{FormerDevice, Roster, RosterDevice},
};

pub(super) fn roster(handle: &Handle, identity: Identity, revision: u64) -> Roster {
    // Devices of an identity that had the handle before are nobody's siblings.
    let former = identity.revoked.into_iter().filter(|gone| gone.service_id.is_none());
    Roster {
        identity: handle.clone(),
        service_id: identity.service_id,
        revision,
        devices: identity.devices.into_iter().map(listed).collect(),
        former: former.map(former_device).collect(),
    }
}

fn listed(device: RegisteredDevice) -> RosterDevice {
    RosterDevice {
        device_id: device.device_id,
        registration_id: device.registration_id,
        identity_key: device.identity_key,
        certificate: device.certificate,
        admission: device.admission,
    }
}

fn former_device(gone: RevokedDevice) -> FormerDevice {
    FormerDevice {
        device_id: gone.device_id,
        identity_key: gone.identity_key,
        admission: gone.admission,
    }
}

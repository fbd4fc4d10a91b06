//! All devices, as the operator sees them.

use sysmaint_bus::{
    Registry,
    registry::{Identity, RegisteredDevice, RevokedDevice},
};
use sysmaint_protocol::{
    Handle,
    administration::{DeviceList, ListRequest, ListedDevice},
    rest::Problem,
};

use crate::problem::unavailable;

pub(super) async fn page(registry: &Registry, request: ListRequest) -> Result<DeviceList, Problem> {
    let (identities, next) = registry.identities(request.from).await.map_err(unavailable)?;
    let mut devices = Vec::new();
    for (handle, identity) in &identities {
        for device in &identity.devices {
            let token = registry.device_of_token(&device.token_hash).await.map_err(unavailable)?;
            devices.push(registered(handle, device, token.is_some()));
        }
        devices.extend(gone(handle, identity));
    }
    Ok(DeviceList { devices, next })
}

fn registered(handle: &Handle, device: &RegisteredDevice, has_token: bool) -> ListedDevice {
    ListedDevice {
        identity: handle.clone(),
        device_id: device.device_id,
        transport: Some(device.transport),
        has_token,
        has_login: device.nats.is_some(),
        registered_at: Some(device.registered_at),
        revoked_at: None,
        readmitted: false,
    }
}

fn gone<'a>(handle: &'a Handle, identity: &'a Identity) -> impl Iterator<Item = ListedDevice> + 'a {
    identity.revoked.iter().map(|gone: &RevokedDevice| ListedDevice {
        identity: handle.clone(),
        device_id: gone.device_id,
        transport: None,
        has_token: false,
        has_login: false,
        registered_at: None,
        revoked_at: Some(gone.revoked_at),
        readmitted: gone.readmitted,
    })
}

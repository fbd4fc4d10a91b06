//! Where a registration belongs: the rules that bind a handle to keys, without I/O.

use sysmaint_bus::registry::{Identity, RegisteredDevice, RevokedDevice};
use sysmaint_protocol::{ServiceId, rest::Problem};

use crate::problem::{ADMISSION_REQUIRED, DEVICE_REVOKED, HANDLE_TAKEN, TRANSPORT_FIXED};

/// The identity as it is to become.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) identity: Identity,
    /// The device as it was registered before, if it was.
    pub(super) previous: Option<RegisteredDevice>,
}

/// Puts a device whose signature was verified into its identity.
///
/// A handle that nobody has is bound to the device's service id. A device that is there comes
/// back with the same key only, and keeps the day of its first registration.
pub(super) fn place(
    found: Option<Identity>,
    service_id: ServiceId,
    device: RegisteredDevice,
) -> Result<Placement, Problem> {
    let Some(mut identity) = found else {
        let identity = Identity { service_id, devices: vec![device], revoked: Vec::new() };
        return Ok(Placement { identity, previous: None });
    };
    if identity.service_id != service_id {
        return Err(taken("it is bound to another service id"));
    }
    if let Some(place) = identity.revoked.iter().position(|gone| is_of(gone, &device)) {
        if !identity.revoked[place].readmitted {
            return Err(revoked());
        }
        identity.revoked.remove(place);
        identity.devices.push(device);
        return Ok(Placement { identity, previous: None });
    }
    let known = identity.devices.iter_mut().find(|known| known.device_id == device.device_id);
    let Some(known) = known else { return Err(not_admitted()) };
    if known.identity_key != device.identity_key {
        return Err(taken("this device has another identity key"));
    }
    if known.transport != device.transport {
        return Err(TRANSPORT_FIXED.because(
            "this device was registered with the other transport, which waits for its mail there: \
             register with the first transport again, or as another identity",
        ));
    }
    let renewed = RegisteredDevice {
        admission: known.admission.clone(),
        nats: device.nats.or_else(|| known.nats.clone()),
        registered_at: known.registered_at,
        ..device
    };
    let previous = std::mem::replace(known, renewed);
    Ok(Placement { identity, previous: Some(previous) })
}

/// A key that is out stays out, under whatever number it comes.
fn is_of(gone: &RevokedDevice, device: &RegisteredDevice) -> bool {
    gone.identity_key == device.identity_key
}

fn revoked() -> Problem {
    DEVICE_REVOKED.because(
        "this key was revoked and cannot register again by itself: register another device, or \
         have the relay's operator decide with `sysmaint device readmit`",
    )
}

fn taken(what: &str) -> Problem {
    HANDLE_TAKEN.because(format!(
        "{what}: register with the data directory that holds the first key, or choose another \
         handle"
    ))
}

fn not_admitted() -> Problem {
    ADMISSION_REQUIRED.because(
        "the handle has a device already, and a further one would need that device's signed \
         admission, which this version of the relay cannot check yet: register the first device \
         again, or choose another handle",
    )
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{Base64Bytes, DeviceId, Timestamp, rest::Transport};

    use super::*;

    const OWNER: ServiceId = ServiceId::from_bytes([1; 16]);

    fn device(number: u8, key: u8) -> RegisteredDevice {
        RegisteredDevice {
            device_id: DeviceId::try_from(number).unwrap(),
            registration_id: 7,
            identity_key: Base64Bytes(vec![key; 33]),
            transport: Transport::Nats,
            token_hash: format!("hash of {number} {key}"),
            certificate: Base64Bytes(vec![0]),
            admission: None,
            nats: None,
            registered_at: Timestamp::from_millis(1),
        }
    }

    fn alice() -> Identity {
        Identity { service_id: OWNER, devices: vec![device(1, 5)], revoked: Vec::new() }
    }

    fn refusal(service_id: ServiceId, device: RegisteredDevice) -> String {
        place(Some(alice()), service_id, device).unwrap_err().kind
    }

    #[test]
    fn a_free_handle_is_bound_to_whoever_comes_first() {
        let placement = place(None, OWNER, device(1, 5)).unwrap();
        assert_eq!(placement.identity, alice());
        assert!(placement.previous.is_none());
    }

    #[test]
    fn the_same_key_comes_back_and_keeps_its_first_day() {
        let again = RegisteredDevice {
            registration_id: 8,
            token_hash: "new".into(),
            registered_at: Timestamp::from_millis(99),
            ..device(1, 5)
        };
        let placement = place(Some(alice()), OWNER, again).unwrap();
        let now = &placement.identity.devices[..];
        assert_eq!(now.len(), 1);
        assert_eq!((now[0].registration_id, now[0].token_hash.as_str()), (8, "new"));
        assert_eq!(now[0].registered_at, Timestamp::from_millis(1));
        assert_eq!(placement.previous.unwrap(), device(1, 5));
    }

    fn alice_without_her_device(readmitted: bool) -> Identity {
        let gone = RevokedDevice {
            device_id: DeviceId::FIRST,
            identity_key: device(1, 5).identity_key,
            revoked_at: Timestamp::from_millis(2),
            readmitted,
        };
        Identity { service_id: OWNER, devices: Vec::new(), revoked: vec![gone] }
    }

    #[test]
    fn a_revoked_key_stays_out_until_somebody_decides_otherwise() {
        for number in [1, 2] {
            let found = alice_without_her_device(false);
            let refused = place(Some(found), OWNER, device(number, 5)).unwrap_err();
            assert_eq!(refused.kind, "urn:sysmaint:device-revoked");
        }
        let back = place(Some(alice_without_her_device(true)), OWNER, device(1, 5)).unwrap();
        assert_eq!(back.identity, alice());
        assert!(back.previous.is_none());
    }

    #[test]
    fn the_handle_of_a_revoked_device_is_not_free() {
        for readmitted in [false, true] {
            let found = alice_without_her_device(readmitted);
            let refused = place(Some(found), OWNER, device(1, 6)).unwrap_err();
            assert_eq!(refused.kind, "urn:sysmaint:admission-required");
        }
    }

    #[test]
    fn a_login_that_is_not_named_again_stays() {
        let login = |user: char, digit: &str| sysmaint_protocol::NatsLogin {
            user: format!("U{}", user.to_string().repeat(55)).try_into().unwrap(),
            inbox: format!("_INBOX.{}", digit.repeat(22)).try_into().unwrap(),
        };
        let with = |nats| RegisteredDevice { nats, ..device(1, 5) };
        let first = login('A', "a");
        let found = Identity { devices: vec![with(Some(first.clone()))], ..alice() };
        let kept = place(Some(found.clone()), OWNER, with(None)).unwrap();
        assert_eq!(kept.identity.devices[0].nats, Some(first));
        let second = Some(login('B', "b"));
        let changed = place(Some(found), OWNER, with(second.clone())).unwrap();
        assert_eq!(changed.identity.devices[0].nats, second);
    }

    #[test]
    fn another_key_or_service_id_is_refused() {
        assert_eq!(refusal(OWNER, device(1, 6)), "urn:sysmaint:handle-taken");
        let stranger = ServiceId::from_bytes([2; 16]);
        assert_eq!(refusal(stranger, device(1, 5)), "urn:sysmaint:handle-taken");
        assert_eq!(refusal(stranger, device(2, 5)), "urn:sysmaint:handle-taken");
    }

    #[test]
    fn a_further_device_and_a_changed_transport_are_refused() {
        assert_eq!(refusal(OWNER, device(2, 6)), "urn:sysmaint:admission-required");
        let elsewhere = RegisteredDevice { transport: Transport::Relay, ..device(1, 5) };
        assert_eq!(refusal(OWNER, elsewhere), "urn:sysmaint:transport-fixed");
    }
}

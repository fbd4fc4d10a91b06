//! Where a registration belongs: the rules that bind a handle to keys, without I/O.

use sysmaint_bus::registry::{Identity, RegisteredDevice, RevokedDevice};
use sysmaint_protocol::{Base64Bytes, ServiceId, Timestamp, rest::Problem};

use super::admission;
use crate::problem::{DEVICE_REVOKED, HANDLE_TAKEN, TRANSPORT_FIXED};

/// The identity as it is to become.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) identity: Identity,
    /// The device as it was registered before, if it was.
    pub(super) previous: Option<RegisteredDevice>,
    /// Whether an enrolled device has vouched for it just now.
    pub(super) is_admitted: bool,
}

/// Puts a device whose signature was verified into its identity.
///
/// A handle that nobody has is bound to the device's service id; one whose devices were all
/// revoked is bound to another one. A device that is there comes back with the same key only, and
/// keeps the day of its first registration. A further device needs the admission of one that is
/// there, which it brings or which was handed in for it.
pub(super) fn place(
    found: Option<Identity>,
    service_id: ServiceId,
    device: RegisteredDevice,
    now: Timestamp,
) -> Result<Placement, Problem> {
    let Some(mut identity) = found else {
        return Ok(Placement::of(bind(service_id, device, Vec::new())));
    };
    let outcast = identity.revoked.iter().position(|gone| is_of(gone, &device));
    if identity.service_id != service_id {
        return match outcast {
            None => Ok(Placement::of(bind_anew(identity, service_id, device)?)),
            Some(_) => Err(revoked()),
        };
    }
    if let Some(place) = outcast {
        if !identity.revoked[place].readmitted {
            return Err(revoked());
        }
        let admission = identity.revoked.remove(place).admission;
        identity.devices.push(RegisteredDevice { admission, ..device });
        return Ok(Placement::of(identity));
    }
    let known = identity.devices.iter_mut().find(|known| known.device_id == device.device_id);
    let Some(known) = known else { return join(identity, device, now) };
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
    Ok(Placement { identity, previous: Some(previous), is_admitted: false })
}

impl Placement {
    const fn of(identity: Identity) -> Self {
        Self { identity, previous: None, is_admitted: false }
    }
}

fn bind(service_id: ServiceId, device: RegisteredDevice, revoked: Vec<RevokedDevice>) -> Identity {
    // The first device needs nobody's word.
    let device = RegisteredDevice { admission: None, ..device };
    Identity { service_id, devices: vec![device], revoked, awaited: Vec::new() }
}

/// Gives a handle that nobody is left to use to a new identity. Who knew the old one sees a change
/// that a person accepts or rejects.
fn bind_anew(
    identity: Identity,
    service_id: ServiceId,
    device: RegisteredDevice,
) -> Result<Identity, Problem> {
    if !identity.devices.is_empty() {
        return Err(taken("it is bound to another service id"));
    }
    if identity.revoked.iter().any(|gone| gone.readmitted) {
        return Err(taken("it waits for a device that was readmitted"));
    }
    let before = identity.service_id;
    let mut revoked = identity.revoked;
    for gone in &mut revoked {
        gone.service_id.get_or_insert(before);
    }
    Ok(bind(service_id, device, revoked))
}

/// Lets a further device in.
fn join(
    mut identity: Identity,
    device: RegisteredDevice,
    now: Timestamp,
) -> Result<Placement, Problem> {
    if identity.has_revoked(device.device_id) {
        return Err(DEVICE_REVOKED.because(format!(
            "device number {} was another device's, which was revoked: choose a number that \
             nobody has had",
            device.device_id
        )));
    }
    let admission = statement(&identity, &device, now);
    admission::check(&identity, &device, admission.as_ref())?;
    identity.forget_awaited(device.device_id, now);
    identity.devices.push(RegisteredDevice { admission, ..device });
    Ok(Placement { identity, previous: None, is_admitted: true })
}

/// What was brought, or else was handed in for this very key.
fn statement(
    identity: &Identity,
    device: &RegisteredDevice,
    now: Timestamp,
) -> Option<Base64Bytes> {
    device.admission.clone().or_else(|| {
        let awaited = identity.awaited.iter().find(|awaited| {
            awaited.device_id == device.device_id
                && awaited.identity_key == device.identity_key
                && awaited.expires_at > now
        });
        awaited.map(|awaited| awaited.admission.clone())
    })
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

#[cfg(test)]
mod tests {
    use sysmaint_bus::registry::AwaitedDevice;
    use sysmaint_device::{Device, authority::Authority, key::IdentityKey, store::Memory};
    use sysmaint_protocol::{Address, DeviceId, rest::Transport};

    use super::*;

    const OWNER: ServiceId = ServiceId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn place(
        found: Option<Identity>,
        service_id: ServiceId,
        device: RegisteredDevice,
    ) -> Result<Placement, Problem> {
        super::place(found, service_id, device, NOW)
    }

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
        with(vec![device(1, 5)], Vec::new())
    }

    fn with(devices: Vec<RegisteredDevice>, revoked: Vec<RevokedDevice>) -> Identity {
        Identity { service_id: OWNER, devices, revoked, awaited: Vec::new() }
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
        with(Vec::new(), vec![gone(&device(1, 5), readmitted)])
    }

    fn gone(device: &RegisteredDevice, readmitted: bool) -> RevokedDevice {
        RevokedDevice {
            device_id: device.device_id,
            identity_key: device.identity_key.clone(),
            admission: device.admission.clone(),
            service_id: None,
            revoked_at: Timestamp::from_millis(2),
            readmitted,
        }
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
    fn the_identity_of_a_revoked_device_is_nobody_elses() {
        for (readmitted, number) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
            let found = alice_without_her_device(readmitted);
            let refused = place(Some(found), OWNER, device(number, 6)).unwrap_err();
            let because = if number == 1 { "device-revoked" } else { "admission-required" };
            assert_eq!(refused.kind, format!("urn:sysmaint:{because}"));
        }
    }

    #[test]
    fn a_handle_whose_devices_were_all_revoked_is_bound_to_another_identity() {
        let stranger = ServiceId::from_bytes([2; 16]);
        let found = alice_without_her_device(false);
        let anew = place(Some(found), stranger, device(1, 6)).unwrap();
        assert_eq!((anew.identity.service_id, anew.previous), (stranger, None));
        assert_eq!(anew.identity.revoked[0].service_id, Some(OWNER));
        // The old key is out for good, and its number is free.
        for service_id in [OWNER, stranger] {
            let found = Some(anew.identity.clone());
            let refused = place(found, service_id, device(2, 5)).unwrap_err();
            assert_eq!(refused.kind, "urn:sysmaint:device-revoked");
        }
        let waiting = alice_without_her_device(true);
        let refused = place(Some(waiting), stranger, device(1, 6)).unwrap_err();
        assert_eq!(refused.kind, "urn:sysmaint:handle-taken");
    }

    #[test]
    fn a_login_that_is_not_named_again_stays() {
        let login = |user: char, digit: &str| sysmaint_protocol::NatsLogin {
            user: format!("U{}", user.to_string().repeat(55)).try_into().unwrap(),
            inbox: format!("_INBOX.{}", digit.repeat(22)).try_into().unwrap(),
        };
        let logged_in = |nats| RegisteredDevice { nats, ..device(1, 5) };
        let first = login('A', "a");
        let found = with(vec![logged_in(Some(first.clone()))], Vec::new());
        let kept = place(Some(found.clone()), OWNER, logged_in(None)).unwrap();
        assert_eq!(kept.identity.devices[0].nats, Some(first));
        let second = Some(login('B', "b"));
        let changed = place(Some(found), OWNER, logged_in(second.clone())).unwrap();
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
    fn a_further_device_without_a_word_and_a_changed_transport_are_refused() {
        assert_eq!(refusal(OWNER, device(2, 6)), "urn:sysmaint:admission-required");
        let elsewhere = RegisteredDevice { transport: Transport::Relay, ..device(1, 5) };
        assert_eq!(refusal(OWNER, elsewhere), "urn:sysmaint:transport-fixed");
    }

    /// A device with real keys.
    fn real(number: u8) -> (Device, RegisteredDevice) {
        let (mut store, mut rng) = (Memory::default(), rand::rng());
        let address = Address { service_id: OWNER, device_id: DeviceId::try_from(number).unwrap() };
        let root = Authority::generate(&mut rng).unwrap().trust_root();
        let handle = "alice".parse().unwrap();
        let made = Device::open_further(&mut store, &mut rng, &handle, address, &root).unwrap();
        let identity_key = Base64Bytes(made.identity_key().unwrap().as_bytes().to_vec());
        (made, RegisteredDevice { identity_key, ..device(number, 0) })
    }

    fn word(by: &Device, about: &RegisteredDevice) -> Base64Bytes {
        let key = IdentityKey::parse(&about.identity_key.0).unwrap();
        by.admit(&mut rand::rng(), about.device_id, &key).unwrap().to_bytes().into()
    }

    #[test]
    fn a_further_device_joins_by_the_word_of_one_that_is_there() {
        let ((first, entry), (_, second)) = (real(1), real(2));
        let found = with(vec![entry.clone()], Vec::new());
        let admission = Some(word(&first, &second));
        let brought = RegisteredDevice { admission: admission.clone(), ..second.clone() };
        let joined = place(Some(found.clone()), OWNER, brought.clone()).unwrap();
        assert!(joined.is_admitted && joined.previous.is_none());
        assert_eq!(joined.identity.devices, [entry.clone(), brought.clone()]);

        // Or by one that was handed in for this very key, in time.
        let awaited = |expires_at| AwaitedDevice {
            device_id: second.device_id,
            identity_key: second.identity_key.clone(),
            admission: admission.clone().unwrap(),
            expires_at: Timestamp::from_millis(expires_at),
        };
        let waiting = Identity { awaited: vec![awaited(1_001)], ..found.clone() };
        let joined = place(Some(waiting), OWNER, second.clone()).unwrap();
        assert_eq!(joined.identity.devices, [entry, brought]);
        assert!(joined.identity.awaited.is_empty());
        let late = Identity { awaited: vec![awaited(1_000)], ..found };
        let refused = place(Some(late), OWNER, second).unwrap_err();
        assert_eq!(refused.kind, "urn:sysmaint:admission-required");
    }

    #[test]
    fn a_word_of_nobody_of_a_stranger_or_of_a_revoked_device_admits_nobody() {
        let ((first, entry), (second, other), (_, third)) = (real(1), real(2), real(3));
        let admitted = |by: &Device, about: &RegisteredDevice| RegisteredDevice {
            admission: Some(word(by, about)),
            ..third.clone()
        };
        let found = with(vec![entry.clone()], Vec::new());
        let mut forged = admitted(&first, &third);
        forged.admission.as_mut().unwrap().0[40] ^= 1;
        let cut = RegisteredDevice { admission: Some(Base64Bytes(vec![1])), ..third.clone() };
        let by_a_stranger = admitted(&second, &third);
        for wrong in [admitted(&first, &other), forged, cut, by_a_stranger.clone()] {
            let refused = place(Some(found.clone()), OWNER, wrong).unwrap_err();
            assert_eq!(refused.kind, "urn:sysmaint:admission-refused", "{}", refused.detail);
        }
        let revoked = with(vec![entry], vec![gone(&other, false)]);
        let refused = place(Some(revoked), OWNER, by_a_stranger).unwrap_err();
        assert!(refused.detail.contains("device 2, which was revoked"), "{}", refused.detail);
    }
}

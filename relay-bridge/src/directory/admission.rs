//! The word of an enrolled device for a further one of its handle.

use sysmaint_bus::registry::{AwaitedDevice, Identity, RegisteredDevice};
use sysmaint_device::{key::IdentityKey, verify};
use sysmaint_protocol::{
    Admission, Base64Bytes,
    limits::{ADMISSION_LIFE, ADMISSIONS_WAITING},
    rest::{AdmitRequest, Admitted, Problem},
    subject::Mailbox,
};

use super::{CHANGE_ATTEMPTS, RelayDirectory, contended, key_of};
use crate::{
    clock,
    problem::{ADMISSION_REFUSED, ADMISSION_REQUIRED, DEVICE_REVOKED, TOO_MANY_ADMISSIONS},
};

/// Checks that a device which is enrolled in an identity has admitted another one.
pub(super) fn check(
    identity: &Identity,
    device: &RegisteredDevice,
    admission: Option<&Base64Bytes>,
) -> Result<(), Problem> {
    let bytes = admission.ok_or_else(required)?;
    let admission = Admission::parse(&bytes.0).map_err(|error| refused(&error.to_string()))?;
    let by = admission.by;
    let Some(admitting) = identity.devices.iter().find(|known| known.device_id == by) else {
        return Err(refused(&if identity.has_revoked(by) {
            format!("it is by device {by}, which was revoked")
        } else {
            format!("it is by device {by}, which is not registered under this handle")
        }));
    };
    let key = IdentityKey::parse(&device.identity_key.0)
        .map_err(|_| refused("it is about a key that is none"))?;
    let owner = key_of(admitting)?;
    if verify::admission(&owner, identity.service_id, device.device_id, &key, &admission) {
        Ok(())
    } else {
        Err(refused(&format!("it is not by device {by} about this number and key")))
    }
}

/// Keeps an admission until the further device registers.
pub(super) async fn hand_in(
    directory: &RelayDirectory,
    own: &Mailbox,
    request: &AdmitRequest,
) -> Result<Admitted, Problem> {
    for _ in 0..CHANGE_ATTEMPTS {
        let (mut identity, revision) = directory.identity(&own.handle).await?;
        let now = clock::now();
        check_about(&identity, own, request)?;
        let expires_at = now.after(ADMISSION_LIFE);
        identity.forget_awaited(request.further_device_id, now);
        if identity.awaited.len() >= ADMISSIONS_WAITING {
            return Err(TOO_MANY_ADMISSIONS.because(format!(
                "{ADMISSIONS_WAITING} devices of this handle are admitted and have not registered \
                 yet: register one of them, or wait a day"
            )));
        }
        identity.awaited.push(AwaitedDevice {
            device_id: request.further_device_id,
            identity_key: request.identity_key.clone(),
            admission: request.admission.clone(),
            expires_at,
        });
        if directory.write(&own.handle, &identity, revision).await? {
            return Ok(Admitted { expires_at });
        }
    }
    Err(contended())
}

fn check_about(identity: &Identity, own: &Mailbox, request: &AdmitRequest) -> Result<(), Problem> {
    let (number, key) = (request.further_device_id, &request.identity_key);
    if identity.devices.iter().any(|device| device.device_id == number) {
        let detail = format!("device {number} is registered already: choose another number");
        return Err(ADMISSION_REFUSED.because(detail));
    }
    let is_out = identity.revoked.iter().any(|gone| gone.identity_key == *key);
    if is_out || identity.has_revoked(number) {
        return Err(DEVICE_REVOKED.because(
            "this key or this number was a device's that was revoked: a further device needs a \
             new key and a number that nobody has had",
        ));
    }
    let by = Admission::parse(&request.admission.0).map(|admission| admission.by);
    if by.is_ok_and(|by| by != own.device_id) {
        return Err(refused("it is by another device than the one that hands it in"));
    }
    let admitting = identity.devices.iter().find(|device| device.device_id == own.device_id);
    let Some(admitting) = admitting else { return Err(super::unknown_device(own)) };
    let about =
        RegisteredDevice { device_id: number, identity_key: key.clone(), ..admitting.clone() };
    check(identity, &about, Some(&request.admission))
}

fn required() -> Problem {
    ADMISSION_REQUIRED.because(
        "the handle has a device already, and a further one needs its word: run `sysmaint device \
         admit` there with the line that `sysmaint join` prints here",
    )
}

fn refused(what: &str) -> Problem {
    ADMISSION_REFUSED.because(format!(
        "the admission does not let this device in: {what}; have a device that is registered \
         under the handle admit this number and key"
    ))
}

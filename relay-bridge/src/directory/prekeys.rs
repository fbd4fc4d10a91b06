//! Taking prekeys: every key and every signature is checked before any is kept.

use std::collections::HashSet;

use serde::Serialize;
use sysmaint_bus::registry::StandingPrekeys;
use sysmaint_device::{key::IdentityKey, verify};
use sysmaint_protocol::{
    Base64Bytes,
    limits::PREKEYS_PER_UPLOAD,
    rest::{PrekeyCount, PrekeyStock, PrekeyUpload, Problem, standing_digest},
    subject::{Mailbox, OneTimeKind},
};

use super::{RelayDirectory, key_of};
use crate::problem::{INTERNAL, INVALID_PREKEYS, TOO_MANY_PREKEYS, unavailable};

/// One-time prekeys of a kind that are kept for a device. A device refills by a hundred when
/// fewer than ten are left, and may repeat an upload that it saw no answer to.
const POOL_MAX: usize = 500;

pub(super) async fn upload(
    directory: &RelayDirectory,
    own: &Mailbox,
    upload: &PrekeyUpload,
) -> Result<PrekeyCount, Problem> {
    check_numbers(upload)?;
    let registry = &directory.registry;
    let owner = key_of(&directory.device(own).await?)?;
    check_room(registry.count_one_time(own).await.map_err(unavailable)?, upload)?;
    let ec = encode(&upload.one_time_prekeys, |key| key.id)?;
    let kyber = encode(&upload.one_time_kyber_prekeys, |key| key.id)?;
    let standing = verified(owner, upload.clone()).await?;

    registry.put_standing(own, &standing).await.map_err(unavailable)?;
    for (kind, keys) in [(OneTimeKind::Ec, ec), (OneTimeKind::Kyber, kyber)] {
        registry.add_one_time(own, kind, &keys).await.map_err(unavailable)?;
    }
    registry.count_one_time(own).await.map_err(unavailable)
}

/// What is there of a device, and which standing prekeys those are.
pub(super) async fn stock(
    directory: &RelayDirectory,
    own: &Mailbox,
) -> Result<PrekeyStock, Problem> {
    let device = directory.device(own).await?;
    let registry = &directory.registry;
    let count = registry.count_one_time(own).await.map_err(unavailable)?;
    let standing = registry.standing(own).await.map_err(unavailable)?;
    let digest = standing.map(|StandingPrekeys { signed_prekey, last_resort_kyber_prekey }| {
        let key = &device.identity_key.0;
        Base64Bytes(standing_digest(key, &signed_prekey, &last_resort_kyber_prekey).to_vec())
    });
    Ok(PrekeyStock { count, digest })
}

fn check_numbers(upload: &PrekeyUpload) -> Result<(), Problem> {
    let ec: Vec<_> = upload.one_time_prekeys.iter().map(|key| key.id).collect();
    let kyber: Vec<_> = upload.one_time_kyber_prekeys.iter().map(|key| key.id).collect();
    for (kind, ids) in [("one_time_prekeys", ec), ("one_time_kyber_prekeys", kyber)] {
        if ids.len() > PREKEYS_PER_UPLOAD {
            return Err(INVALID_PREKEYS.because(format!(
                "{kind} holds {}, and an upload may hold {PREKEYS_PER_UPLOAD}: send the rest \
                 when these are used up",
                ids.len()
            )));
        }
        let distinct: HashSet<_> = ids.iter().collect();
        if distinct.len() < ids.len() {
            let detail = format!("{kind} uses an id twice: each prekey needs its own");
            return Err(INVALID_PREKEYS.because(detail));
        }
    }
    Ok(())
}

fn check_room(held: PrekeyCount, upload: &PrekeyUpload) -> Result<(), Problem> {
    let room = |held: u32, more: usize| {
        usize::try_from(held).is_ok_and(|held| held.saturating_add(more) <= POOL_MAX)
    };
    if room(held.one_time_prekeys, upload.one_time_prekeys.len())
        && room(held.one_time_kyber_prekeys, upload.one_time_kyber_prekeys.len())
    {
        return Ok(());
    }
    Err(TOO_MANY_PREKEYS.because(format!(
        "the directory keeps at most {POOL_MAX} one-time prekeys of a kind for a device: ask for \
         the count and upload when few are left"
    )))
}

/// Checks all keys, away from the tasks that answer others: two hundred signatures take tens of
/// milliseconds.
async fn verified(owner: IdentityKey, upload: PrekeyUpload) -> Result<StandingPrekeys, Problem> {
    let check = move || verify::prekeys(&owner, &upload).map(|()| upload);
    let checked = tokio::task::spawn_blocking(check).await.map_err(|error| {
        tracing::error!(%error, "the check of an upload failed");
        INTERNAL.because("the prekeys could not be checked; the relay's log says why")
    })?;
    match checked {
        Ok(upload) => Ok(StandingPrekeys {
            signed_prekey: upload.signed_prekey,
            last_resort_kyber_prekey: upload.last_resort_kyber_prekey,
        }),
        Err(error) => Err(INVALID_PREKEYS.because(format!("{error}; none of them was taken"))),
    }
}

fn encode<K: Serialize>(
    keys: &[K],
    id: impl Fn(&K) -> u32,
) -> Result<Vec<(u32, Vec<u8>)>, Problem> {
    keys.iter().map(|key| Ok((id(key), serde_json::to_vec(key).map_err(unavailable)?))).collect()
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{
        Base64Bytes,
        rest::{Prekey, SignedPrekey},
    };

    use super::*;

    fn upload(ids: &[u32]) -> PrekeyUpload {
        let empty = || Base64Bytes(Vec::new());
        let signed = |id| SignedPrekey { id, public_key: empty(), signature: empty() };
        PrekeyUpload {
            signed_prekey: signed(1),
            last_resort_kyber_prekey: signed(1),
            one_time_prekeys: ids
                .iter()
                .map(|id| Prekey { id: *id, public_key: empty() })
                .collect(),
            one_time_kyber_prekeys: Vec::new(),
        }
    }

    #[test]
    fn a_hundred_of_a_kind_may_come_at_once_each_with_its_own_id() {
        let hundred: Vec<_> = (1..=100).collect();
        let more: Vec<_> = (1..=101).collect();
        assert!(check_numbers(&upload(&hundred)).is_ok());
        assert!(check_numbers(&upload(&more)).is_err());
        assert!(check_numbers(&upload(&[1, 2, 1])).is_err());
    }

    #[test]
    fn the_pool_has_an_end() {
        let held = |number| PrekeyCount { one_time_prekeys: number, one_time_kyber_prekeys: 0 };
        assert!(check_room(held(498), &upload(&[1, 2])).is_ok());
        assert!(check_room(held(499), &upload(&[1, 2])).is_err());
    }
}

//! The relay's memory.

use std::{collections::HashSet, sync::Arc};

use sysmaint_bus::{
    RegistryError,
    registry::{Changes, Identity, RegisteredDevice, Registry, StandingPrekeys},
};
use sysmaint_protocol::{
    DeviceId, ServiceId, Timestamp,
    rest::{PrekeyCount, SignedPrekey, Transport},
    subject::OneTimeKind,
};

use crate::site::{PATIENCE, Site, handle, mailbox};

fn identity(registration_id: u32) -> Identity {
    let service_id: ServiceId =
        serde_json::from_str("\"11111111-2222-4333-8444-555555555555\"").unwrap();
    Identity {
        service_id,
        devices: vec![RegisteredDevice {
            device_id: DeviceId::FIRST,
            registration_id,
            identity_key: vec![5; 33].into(),
            transport: Transport::Nats,
            token_hash: "0".repeat(64),
            certificate: vec![7; 100].into(),
            admission: None,
            nats: None,
            registered_at: Timestamp::from_millis(1),
        }],
        revoked: Vec::new(),
        awaited: Vec::new(),
    }
}

fn count(ec: u32, kyber: u32) -> PrekeyCount {
    PrekeyCount { one_time_prekeys: ec, one_time_kyber_prekeys: kyber }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn an_identity_is_created_once_and_changed_by_who_read_it_last() {
    let (site, relay) = Site::new().await;
    let registry = Registry::open(&relay).await.unwrap();
    let alice = handle("alice");
    assert!(registry.identity(&alice).await.unwrap().is_none());
    registry.create_identity(&alice, &identity(1)).await.unwrap();
    let again = registry.create_identity(&alice, &identity(2)).await;
    assert!(matches!(again, Err(RegistryError::Conflict)));

    let (read, revision) = registry.identity(&alice).await.unwrap().unwrap();
    assert_eq!(read, identity(1));
    registry.update_identity(&alice, &identity(3), revision).await.unwrap();
    let late = registry.update_identity(&alice, &identity(4), revision).await;
    assert!(matches!(late, Err(RegistryError::Conflict)));
    assert_eq!(registry.identity(&alice).await.unwrap().unwrap().0, identity(3));
    site.server.stop().await;
}

#[tokio::test]
async fn standing_prekeys_and_tokens_are_found_again() {
    let (site, relay) = Site::new().await;
    let registry = Registry::open(&relay).await.unwrap();
    let alice = mailbox("alice");
    let key =
        |id| SignedPrekey { id, public_key: vec![5; 33].into(), signature: vec![1; 64].into() };
    let standing = StandingPrekeys { signed_prekey: key(1), last_resort_kyber_prekey: key(2) };
    assert!(registry.standing(&alice).await.unwrap().is_none());
    registry.put_standing(&alice, &standing).await.unwrap();
    assert_eq!(registry.standing(&alice).await.unwrap(), Some(standing));

    let hash = "0af".repeat(21) + "1";
    assert_eq!(registry.device_of_token(&hash).await.unwrap(), None);
    registry.put_token(&hash, &alice).await.unwrap();
    assert_eq!(registry.device_of_token(&hash).await.unwrap(), Some(alice));
    registry.remove_token(&hash).await.unwrap();
    assert_eq!(registry.device_of_token(&hash).await.unwrap(), None);
    assert!(registry.device_of_token("*").await.is_err());
    site.server.stop().await;
}

#[tokio::test]
async fn a_challenge_is_taken_once() {
    let (site, relay) = Site::new().await;
    let registry = Arc::new(Registry::open(&relay).await.unwrap());
    let nonce = [9; 32];
    let expires = now().after(std::time::Duration::from_mins(1));
    registry.put_challenge(&nonce, &mailbox("alice"), expires).await.unwrap();
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move { registry.take_challenge(&nonce).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for racer in racers {
        taken.extend(racer.await.unwrap());
    }
    assert_eq!(taken, [mailbox("alice")]);
    assert_eq!(registry.take_challenge(&nonce).await.unwrap(), None);
    assert_eq!(registry.take_challenge(&[8; 32]).await.unwrap(), None);

    registry.put_challenge(&[7; 32], &mailbox("alice"), now()).await.unwrap();
    assert_eq!(registry.take_challenge(&[7; 32]).await.unwrap(), None, "it had expired");
    site.server.stop().await;
}

#[tokio::test]
async fn prekeys_are_added_once_counted_and_purged() {
    let (site, relay) = Site::new().await;
    let registry = Registry::open(&relay).await.unwrap();
    let (alice, bob) = (mailbox("alice"), mailbox("bob"));
    let keys: Vec<_> = (1..=10).map(|id| (id, vec![b'k'; 20])).collect();
    assert_eq!(registry.count_one_time(&alice).await.unwrap(), count(0, 0));
    registry.add_one_time(&alice, OneTimeKind::Ec, &keys).await.unwrap();
    registry.add_one_time(&alice, OneTimeKind::Kyber, &keys[..4]).await.unwrap();
    registry.add_one_time(&bob, OneTimeKind::Ec, &keys).await.unwrap();
    assert_eq!(registry.count_one_time(&alice).await.unwrap(), count(10, 4));

    registry.pop_one_time(&alice, OneTimeKind::Ec).await.unwrap().unwrap();
    // The answer to the upload was lost, and it is sent again.
    registry.add_one_time(&alice, OneTimeKind::Ec, &keys).await.unwrap();
    assert_eq!(registry.count_one_time(&alice).await.unwrap(), count(9, 4));

    registry.purge_one_time(&alice).await.unwrap();
    assert_eq!(registry.count_one_time(&alice).await.unwrap(), count(0, 0));
    assert_eq!(registry.pop_one_time(&alice, OneTimeKind::Ec).await.unwrap(), None);
    assert_eq!(registry.count_one_time(&bob).await.unwrap(), count(10, 0));

    let new: Vec<_> = (1..=10).map(|id| (id, vec![b'n'; 20])).collect();
    registry.add_one_time(&alice, OneTimeKind::Ec, &new).await.unwrap();
    assert_eq!(registry.count_one_time(&alice).await.unwrap(), count(10, 0));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_requesters_never_get_one_key_twice() {
    let (site, relay) = Site::new().await;
    let second = site.bus("relay").await;
    let registries =
        [Registry::open(&relay).await.unwrap(), Registry::open(&second).await.unwrap()];
    let alice = mailbox("alice");
    let keys: Vec<_> =
        (1..=100_u32).map(|id| (id, format!("{{\"id\":{id}}}").into_bytes())).collect();
    registries[0].add_one_time(&alice, OneTimeKind::Kyber, &keys).await.unwrap();
    let racers: Vec<_> = (0..32)
        .map(|racer| {
            let (registry, alice) = (registries[racer % 2].clone(), alice.clone());
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(key) =
                    registry.pop_one_time(&alice, OneTimeKind::Kyber).await.unwrap()
                {
                    taken.push(key);
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for racer in racers {
        taken.extend(racer.await.unwrap());
    }
    assert_eq!(taken.len(), 100);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 100, "a key was served twice");
    site.server.stop().await;
}

#[tokio::test]
async fn who_listens_hears_of_each_change_after_it_was_stored() {
    let (site, relay) = Site::new().await;
    let registry = Registry::open(&relay).await.unwrap();
    let (alice, hash) = (handle("alice"), "0".repeat(64));
    registry.create_identity(&alice, &identity(1)).await.unwrap();
    let mut tokens = registry.token_changes().await.unwrap();
    let mut identities = registry.identity_changes().await.unwrap();

    // By another bridge.
    let other = Registry::open(&site.bus("relay").await).await.unwrap();
    other.put_token(&hash, &mailbox("alice")).await.unwrap();
    assert_eq!(heard(&mut tokens).await, hash);
    assert!(registry.device_of_token(&hash).await.unwrap().is_some());
    other.remove_token(&hash).await.unwrap();
    assert_eq!(heard(&mut tokens).await, hash);
    assert_eq!(registry.device_of_token(&hash).await.unwrap(), None);

    let (_, revision) = other.identity(&alice).await.unwrap().unwrap();
    other.update_identity(&alice, &identity(2), revision).await.unwrap();
    assert_eq!(heard(&mut identities).await, "alice");
    assert_eq!(registry.identity(&alice).await.unwrap().unwrap().0, identity(2));
    site.server.stop().await;
}

async fn heard(changes: &mut Changes) -> String {
    tokio::time::timeout(PATIENCE, changes.next()).await.unwrap().unwrap()
}

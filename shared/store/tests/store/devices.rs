//! Devices over SQL: the same exchanges as over the memory store, through the outbox.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use sysmaint_device::{
    Device, Incoming, Opened, Sealed,
    authority::Authority,
    store::{LocalStore, NewOutbox, PeerStore, QueueStore, Store as _},
    verify,
};
use sysmaint_protocol::{
    Address, Base64Bytes, ContentId, DeviceId, Handle, Kind, ServiceId, TransferId,
    body::{self, Text},
    rest::{Bundle, Challenge, DeviceBundle, PrekeyCount, Registered, Transport},
    subject::Mailbox,
};
use sysmaint_store::Tx;
use sysmaint_store_rules::sample::envelope;

use crate::{NOW, Scratch, handle};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Registers a device in a store and returns its bundle.
async fn enrol(scratch: &Scratch, authority: &Authority, name: &str) -> Bundle {
    let (name, authority) = (handle(name), authority.clone());
    let step = move |tx: &Tx<'_>| -> Result<Bundle, Failure> {
        let mut rng = StdRng::from_os_rng();
        let mut store = tx.device(&name)?;
        let root = authority.trust_root();
        let device = Device::open(&mut store, &mut rng, &name, DeviceId::FIRST, &root)?;
        let challenge = Challenge { nonce: Base64Bytes(vec![1; 32]), expires_at: NOW };
        let request = device.registration(&mut rng, &challenge, Transport::Nats, None)?;
        let key = verify::registration(&request)?;
        let issued = authority.issue(&mut rng, device.address(), &key, NOW)?;
        let certificate = Base64Bytes(issued.certificate);
        let answer = Registered {
            token: Some("token".into()),
            certificate: certificate.clone(),
            trust_root: Base64Bytes(root),
        };
        device.complete_registration(&mut store, &answer)?;
        let none = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };
        let upload = device.prekey_upload(&mut store, &mut rng, NOW, none)?.unwrap();
        device.prekeys_uploaded(&mut store, NOW)?;
        assert!(device.prekey_upload(&mut store, &mut rng, NOW, full())?.is_none());
        let later = NOW.after(Duration::from_hours(3 * 24));
        assert!(device.prekey_upload(&mut store, &mut rng, later, full())?.is_some());
        let device = DeviceBundle {
            device_id: DeviceId::FIRST,
            registration_id: request.registration_id,
            identity_key: request.identity_key,
            certificate,
            admission: None,
            signed_prekey: upload.signed_prekey,
            kyber_prekey: upload.one_time_kyber_prekeys[0].clone(),
            one_time_prekey: upload.one_time_prekeys.first().cloned(),
        };
        Ok(Bundle { identity: name, service_id: request.service_id, devices: vec![device] })
    };
    scratch.store.write(step).await.unwrap()
}

fn full() -> PrekeyCount {
    PrekeyCount { one_time_prekeys: 100, one_time_kyber_prekeys: 100 }
}

/// Opens the stored device again, as each step of a program does.
fn reopened(store: &mut sysmaint_store::DeviceStore<'_>, name: &Handle) -> Result<Device, Failure> {
    let root = store.local()?.unwrap().trust_root;
    Ok(Device::open(store, &mut StdRng::from_os_rng(), name, DeviceId::FIRST, &root)?)
}

async fn send(scratch: &Scratch, from: &str, to: &str, text: &str) -> Sealed {
    let (from, to, text) = (handle(from), handle(to), Text { text: text.into() });
    let step = move |tx: &Tx<'_>| -> Result<Sealed, Failure> {
        let mut store = tx.device(&from)?;
        let device = reopened(&mut store, &from)?;
        device.send(&mut store, &mut StdRng::from_os_rng(), NOW, &to, None, &text)?;
        let row = tx.outbox().due(store.slot(), NOW, 10)?.pop().unwrap();
        tx.outbox().postpone(row.id, NOW, Duration::from_secs(5))?;
        assert!(tx.outbox().due(store.slot(), NOW, 10)?.is_empty());
        let put_back = NOW.before(Duration::from_hours(24));
        assert_eq!(tx.outbox().due(store.slot(), put_back, 10)?.len(), 1);
        tx.outbox().published(store.slot(), &[row.sealed.transfer_id()], NOW)?;
        assert_eq!(tx.outbox().waiting(store.slot())?.0, 0);
        Ok(row.sealed)
    };
    scratch.store.write(step).await.unwrap()
}

async fn open(scratch: &Scratch, name: &str, sealed: &Sealed) -> Opened {
    let (name, sealed) = (handle(name), sealed.clone());
    let step = move |tx: &Tx<'_>| -> Result<Opened, Failure> {
        let mut store = tx.device(&name)?;
        let device = reopened(&mut store, &name)?;
        let bytes = sealed.envelope().as_bytes();
        let incoming = Incoming { bytes, transfer_id: None, stored_at: NOW };
        Ok(device.open_envelope(&mut store, &mut StdRng::from_os_rng(), NOW, incoming)?)
    };
    scratch.store.write(step).await.unwrap()
}

#[tokio::test]
async fn two_devices_in_two_files_talk_both_ways_and_the_inbox_keeps_it_once() {
    let authority = Authority::generate(&mut StdRng::from_os_rng()).unwrap();
    let (alice, bob) = (Scratch::new(), Scratch::new());
    let alice_bundle = enrol(&alice, &authority, "alice").await;
    let bob_bundle = enrol(&bob, &authority, "bob").await;
    meet(&alice, "alice", "bob", bob_bundle).await;
    meet(&bob, "bob", "alice", alice_bundle).await;
    for round in 0..20 {
        let sealed = send(&alice, "alice", "bob", &format!("ping {round}")).await;
        assert!(matches!(open(&bob, "bob", &sealed).await, Opened::Message { .. }));
        assert_eq!(open(&bob, "bob", &sealed).await, Opened::Duplicate);
        let sealed = send(&bob, "bob", "alice", &format!("pong {round}")).await;
        assert!(matches!(open(&alice, "alice", &sealed).await, Opened::Message { .. }));
    }
    let look = |tx: &Tx<'_>| -> Result<Vec<String>, Failure> {
        let slot = tx.device(&handle("bob"))?.slot();
        let rows = tx.inbox().unhandled(slot, 0, 100)?;
        assert!(rows.iter().all(|row| row.kind == Kind::Text));
        for row in &rows {
            assert!(tx.inbox().handled(row.id, NOW)?);
            assert!(!tx.inbox().handled(row.id, NOW)?);
        }
        Ok(rows.iter().map(|row| body::decode::<Text>(&row.body).unwrap().text).collect())
    };
    let texts = bob.store.write(look).await.unwrap();
    assert_eq!(texts.len(), 20);
    assert_eq!(texts[19], "ping 19");
}

#[tokio::test]
async fn sequences_and_peers_survive_in_sql_as_the_device_needs_them() {
    let authority = Authority::generate(&mut StdRng::from_os_rng()).unwrap();
    let (alice, bob) = (Scratch::new(), Scratch::new());
    enrol(&alice, &authority, "alice").await;
    let bundle = enrol(&bob, &authority, "bob").await;
    let peer = Address { service_id: bundle.service_id, device_id: DeviceId::FIRST };
    meet(&alice, "alice", "bob", bundle).await;
    let step = move |tx: &Tx<'_>| -> Result<(), Failure> {
        let mut store = tx.device(&handle("alice"))?;
        assert_eq!(store.next_sequence(peer)?, 1);
        assert_eq!(store.next_sequence(peer)?, 2);
        assert_eq!(store.peers().handle_of(peer.service_id)?, Some(handle("bob")));
        assert_eq!(tx.sent().telemetry_room(store.slot(), peer, NOW)?, 8);
        Ok(())
    };
    alice.store.write(step).await.unwrap();
}

async fn meet(scratch: &Scratch, name: &str, peer: &str, bundle: Bundle) {
    let (name, peer) = (handle(name), handle(peer));
    let step = move |tx: &Tx<'_>| -> Result<(), Failure> {
        let mut store = tx.device(&name)?;
        let device = reopened(&mut store, &name)?;
        device.accept_bundle(&mut store, &mut StdRng::from_os_rng(), NOW, &peer, &bundle)?;
        Ok(())
    };
    scratch.store.write(step).await.unwrap();
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_is_not_overtaken_on_its_way_to_the_same_mailbox() {
    let scratch = Scratch::new();
    let step = |tx: &Tx<'_>| -> Result<(), Failure> {
        let mut store = tx.device(&handle("alice"))?;
        for (number, to) in [(1, "bob"), (2, "bob"), (3, "carol")] {
            queue(&mut store, number, to)?;
        }
        let due = |now| -> Result<Vec<u8>, Failure> {
            let rows = tx.outbox().due(store.slot(), now, 10)?;
            Ok(rows.iter().map(|row| row.sealed.transfer_id().as_bytes()[0]).collect())
        };
        assert_eq!(due(NOW)?, [1, 2, 3]);
        let first = tx.outbox().due(store.slot(), NOW, 1)?.remove(0);
        let pause = Duration::from_secs(1);
        tx.outbox().postpone(first.id, NOW, pause)?;
        let later = NOW.after(pause);
        assert_eq!(due(NOW)?, [3]);
        assert_eq!(due(later)?, [1, 2, 3]);
        tx.outbox().published(store.slot(), &[transfer_id(3)], NOW)?;
        assert_eq!(tx.outbox().waiting(store.slot())?, (2, Some(later)));
        Ok(())
    };
    scratch.store.write(step).await.unwrap();
}

fn transfer_id(number: u8) -> TransferId {
    TransferId::from_bytes([number; 16])
}

fn queue(store: &mut sysmaint_store::DeviceStore<'_>, number: u8, to: &str) -> Result<(), Failure> {
    let to = Mailbox::new(handle(to), DeviceId::FIRST);
    let sealed = Sealed::restored(to, 1, transfer_id(number), envelope());
    let service_id = ServiceId::from_random([number; 16]);
    Ok(store.queue(&NewOutbox {
        sealed: &sealed,
        mechanics: None,
        recipient: Address { service_id, device_id: DeviceId::FIRST },
        content_id: ContentId::from_bytes([number; 16]),
        kind: Kind::Text,
        in_reply_to: None,
        sequence: 1,
        sealed_at: NOW,
        body: None,
    })?)
}

//! What others make a store keep has an end, in SQL and in memory.

use std::time::Duration;

use sysmaint_device::store::{Held, Memory, PrekeyClass, PrekeyRecord, Store};
use sysmaint_protocol::{
    Address, DeviceId, ServiceId,
    limits::{HELD_BYTES, HELD_MESSAGES, RESENDS_WAITING, RETRIES_PER_HOUR},
};
use sysmaint_store::Tx;
use zeroize::Zeroizing;

use crate::{NOW, Scratch, handle};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Check = fn(&mut dyn Store) -> Result<(), Failure>;

/// In both stores.
async fn holds(check: Check) {
    check(&mut Memory::default()).unwrap();
    let scratch = Scratch::new();
    let step = move |tx: &Tx<'_>| check(&mut tx.device(&handle("bob"))?);
    scratch.store.write(step).await.unwrap();
}

fn peer(byte: u8) -> Address {
    Address { service_id: ServiceId::from_bytes([byte; 16]), device_id: DeviceId::FIRST }
}

fn held(sender: Address, bytes: usize) -> Held {
    Held { sender, envelope: vec![1; bytes], transfer_id: None, stored_at: NOW }
}

#[tokio::test]
async fn of_one_sender_no_more_is_held_than_a_mailbox_holds() {
    holds(|store| {
        for _ in 0..HELD_MESSAGES {
            assert!(store.hold(&held(peer(1), 10))?);
        }
        assert!(!store.hold(&held(peer(1), 10))?);
        assert!(store.hold(&held(peer(2), HELD_BYTES))?);
        assert!(!store.hold(&held(peer(2), 1))?);
        assert_eq!(store.take_held(peer(1))?.len(), HELD_MESSAGES);
        assert!(store.hold(&held(peer(1), 10))?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn requests_of_a_peer_that_is_never_answered_have_an_end() {
    holds(|store| {
        let (mut now, mut taken) = (NOW, 0);
        for hour in 0..20 {
            for request in 0..u64::from(RETRIES_PER_HOUR) + 5 {
                taken += usize::from(store.owe_resend(peer(1), hour * 1_000 + request, now)?);
            }
            now = now.after(Duration::from_hours(1));
        }
        assert_eq!(taken, RESENDS_WAITING);
        assert!(store.owe_resend(peer(2), 7, now)?);
        store.take_resends(peer(1), 1)?;
        assert!(store.owe_resend(peer(1), 7, now)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn uses_of_a_last_resort_prekey_are_forgotten_with_it() {
    holds(|store| {
        let (created_at, record) = (NOW, Zeroizing::new(vec![1]));
        let prekey = PrekeyRecord { id: 5, record, created_at, uploaded: true, retired_at: None };
        store.put_prekey(PrekeyClass::LastResort, &prekey)?;
        assert!(store.note_last_resort(5, 1, &[7; 33])?);
        assert!(!store.note_last_resort(5, 1, &[7; 33])?);
        store.remove_prekey(PrekeyClass::LastResort, 5)?;
        assert!(store.note_last_resort(5, 1, &[7; 33])?);
        Ok(())
    })
    .await;
}

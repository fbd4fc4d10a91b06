//! Signal's own client library talks with devices of ours, through the relay's HTTP API and its
//! WebSocket: what both speak is the Signal protocol.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{error::Error, time::Duration};

use serde_json::Value;
use sysmaint_device::{Device, store::LocalStore as _};
use sysmaint_protocol::{Base64Bytes, ContentId, DeviceId, Handle};
use sysmaint_store::{Passphrase, Store, Tx};
use sysmaint_tests::{OfficialClient, Service, Services, eventually, eventually_within, skip};

type Failure = Box<dyn Error + Send + Sync>;

const CLIENT: &str = "nodeclient";
/// Texts to and from each of alice and bob.
const MESSAGES: u64 = 100;

/// What this side's store says of its talk with the client.
#[derive(Debug)]
struct Account {
    digits: String,
    shown: Base64Bytes,
    recognised: bool,
    unconfirmed: Vec<ContentId>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_talks_with_our_devices_and_sees_the_same_safety_number() {
    let client = match OfficialClient::find() {
        Ok(client) => client,
        Err(reason) => return skip("interoperation with Signal's own client library", &reason),
    };
    let mut services = unlimited();
    services.launch(Service::Nats);
    services.launch(Service::Relay);
    services.launch(Service::Web);
    eventually("the relay", async || services.relay().get("/readyz").await).await;
    let web = services.web();
    for (from, to) in [("alice", "bob"), ("bob", "alice")] {
        eventually("alice and bob", async || web.send(from, to, "are we there?").await).await;
    }

    let (relay, seed) = (services.relay().url(""), rand::random());
    let base = web.url("");
    let report = tokio::task::spawn_blocking(move || client.run(&relay, &base, seed));
    let report = report.await.unwrap();
    assert_eq!(web.dead_letters().await, Some(0), "something could not be opened");
    services.process(Service::Web).terminate();
    eventually_within(Duration::from_secs(30), "the end of the web server", async || {
        services.process(Service::Web).ended()
    })
    .await;

    let passphrase = Passphrase::new(services.passphrase().to_owned().into());
    let store = Store::open(&services.data().join("state.db"), &passphrase).unwrap();
    for handle in ["alice", "bob"] {
        let theirs = &report["people"][handle];
        let received = theirs["received"].as_array().unwrap();
        assert!(theirs["sent"].as_u64().unwrap() >= MESSAGES, "{theirs}");
        assert!(received.len() as u64 >= MESSAGES, "{theirs}");
        let ours = account(&store, handle, theirs).await;
        let safety = &theirs["safety"];
        assert_eq!(ours.digits.len(), 60);
        assert_eq!(safety["digits"], ours.digits.as_str());
        assert_eq!(safety["theirs"], serde_json::to_value(&ours.shown).unwrap());
        assert!(ours.recognised, "the code that the client shows is not recognised");
        assert_eq!(ours.unconfirmed, [], "the client's receipts were not understood");
    }
}

async fn account(store: &Store, handle: &str, theirs: &Value) -> Account {
    let (handle, client): (Handle, Handle) = (handle.parse().unwrap(), CLIENT.parse().unwrap());
    let code: Base64Bytes = serde_json::from_value(theirs["safety"]["code"].clone()).unwrap();
    let sent: Vec<ContentId> = serde_json::from_value(theirs["received"].clone()).unwrap();
    let step = move |tx: &Tx<'_>| -> Result<Account, Failure> {
        let mut store = tx.device(&handle)?;
        let root = store.local()?.unwrap().trust_root;
        let device = Device::open(&mut store, &mut rand::rng(), &handle, DeviceId::FIRST, &root)?;
        let standing = device.standing(&store, &client)?;
        let number = &standing[0].safety_number;
        let mut unconfirmed = Vec::new();
        for id in sent {
            let delivery = tx.sent().delivery(store.slot(), id)?;
            if delivery.is_none_or(|delivery| delivery.delivered_at.is_none()) {
                unconfirmed.push(id);
            }
        }
        Ok(Account {
            digits: number.digits().to_owned(),
            shown: Base64Bytes(number.scannable().to_vec()),
            recognised: number.is_shown_as(&code.0),
            unconfirmed,
        })
    };
    store.write(step).await.unwrap()
}

/// Limits are another test's matter.
fn unlimited() -> Services {
    ["MESSAGE_BURST", "MESSAGES_PER_S", "PREKEY_FETCHES", "REQUESTS_PER_S"]
        .iter()
        .fold(Services::builder(), |all, name| all.with(&format!("RELAY_{name}"), 1_000_000))
        .prepare()
}

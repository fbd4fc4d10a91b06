//! Devices that NATS lets in by the relay's word, from nothing to a delivered envelope and out.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sysmaint_bus::{
    Bus, BusConfig, ConnectError, Credentials, Directory as _, Mailbox as _, NatsDirectory,
    NatsMailbox,
};
use sysmaint_device::Sealed;
use sysmaint_protocol::{
    Envelope, NatsLogin, TransferId,
    administration::{About, Decision},
    rest::{RegisterRequest, Registered, Transport},
};
use sysmaint_relay_bridge::Config;
use tokio_util::sync::CancellationToken;

use crate::{
    person::Person,
    stage::{Answer, Stage, eventually, mailbox},
};

/// A registration with a login of its own, signed.
async fn signed(stage: &Stage, person: &Person, login: NatsLogin) -> RegisterRequest {
    let challenge = person.challenge(stage).await;
    let rng = &mut rand::rng();
    let device = &person.device;
    device.registration_with_login(rng, &challenge, Transport::Nats, None, Some(login)).unwrap()
}

async fn register(stage: &Stage, person: &Person, key: &Credentials) -> Answer {
    let request = signed(stage, person, key.login().unwrap()).await;
    stage.post("/v1/register", None, &request).await
}

/// A service that nobody had heard of before: it makes a key and registers.
async fn newcomer(stage: &Stage, handle: &str) -> (Person, Credentials) {
    let key = Credentials::generate().unwrap();
    let mut person = Person::new(stage, handle);
    let registered: Registered = register(stage, &person, &key).await.into(201);
    person.take(&registered);
    (person, key)
}

async fn connect(stage: &Stage, key: &Credentials) -> Result<Bus, ConnectError> {
    let config = BusConfig::new(&stage.nats_url(), Some(key.clone()), "sysmaint-test");
    Bus::connect(config, &CancellationToken::new()).await
}

async fn is_refused(stage: &Stage, key: &Credentials) -> bool {
    matches!(connect(stage, key).await, Err(ConnectError::Unauthorized { .. }))
}

fn about(handle: &str) -> About {
    let mailbox = mailbox(handle);
    About { identity: mailbox.handle, device_id: mailbox.device_id }
}

fn sealed(to: &str, number: u32) -> Sealed {
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.resize(bytes.len() + 32, 1);
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.resize(bytes.len() + 43, 2);
    bytes.extend_from_slice(&[0x1a, 0xac, 0x02]);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(bytes.len() + 296, 3);
    let id = TransferId::from_bytes(rand::random());
    Sealed::restored(mailbox(to), 1, id, Envelope::parse(bytes).unwrap())
}

#[tokio::test]
async fn a_service_is_added_while_everything_runs() {
    let stage = Stage::new().await;
    let unknown = Credentials::generate().unwrap();
    assert!(is_refused(&stage, &unknown).await, "let in before it was registered");

    let (_carol, key) = newcomer(&stage, "carol").await;
    let carol = connect(&stage, &key).await.unwrap();
    let mut deliveries = NatsMailbox::new(carol.clone()).open(&mailbox("carol")).await.unwrap();
    let alice = NatsMailbox::new(stage.bus_of("alice").await);
    alice.publish(&sealed("carol", 7)).await.unwrap();
    let delivered = deliveries.next(1).await.unwrap().remove(0);
    assert_eq!(delivered.bytes, sealed("carol", 7).envelope().as_bytes());
    delivered.acknowledgement.acknowledge().await.unwrap();
    assert_eq!(stage.depth(&mailbox("carol")).await, 0);

    // She sends too, and asks the directory in her own name.
    NatsMailbox::new(carol.clone()).publish(&sealed("alice", 8)).await.unwrap();
    assert_eq!(stage.depth(&mailbox("alice")).await, 1);
    NatsDirectory::new(carol).certificate(&mailbox("carol")).await.unwrap();
    assert!(is_refused(&stage, &unknown).await);
    stage.end().await;
}

#[tokio::test]
async fn what_a_login_says_is_signed_checked_and_its_devices_alone() {
    let stage = Stage::new().await;
    let (_carol, key) = newcomer(&stage, "carol").await;
    let dave = Person::new(&stage, "dave");

    let mut swapped =
        signed(&stage, &dave, Credentials::generate().unwrap().login().unwrap()).await;
    swapped.nats = Some(Credentials::generate().unwrap().login().unwrap());
    stage.post("/v1/register", None, &swapped).await.problem(403, "wrong-signature");
    swapped.nats = None;
    stage.post("/v1/register", None, &swapped).await.problem(403, "wrong-signature");

    let mut wrong = Credentials::generate().unwrap().login().unwrap();
    let text = wrong.user.as_str().to_owned();
    let last = if text.ends_with('A') { 'B' } else { 'A' };
    wrong.user = format!("{}{last}", &text[..55]).try_into().unwrap();
    let request = signed(&stage, &dave, wrong).await;
    stage.post("/v1/register", None, &request).await.problem(422, "invalid-registration");

    let own = Credentials::generate().unwrap().login().unwrap();
    let taken = key.login().unwrap();
    for stolen in [
        NatsLogin { user: taken.user.clone(), inbox: own.inbox.clone() },
        NatsLogin { user: own.user.clone(), inbox: taken.inbox.clone() },
    ] {
        let request = signed(&stage, &dave, stolen).await;
        stage.post("/v1/register", None, &request).await.problem(409, "login-taken");
    }
    let request = signed(&stage, &dave, own).await;
    let _registered: Registered = stage.post("/v1/register", None, &request).await.into(201);

    let erin = Person::new(&stage, "erin");
    let mut relay = signed(&stage, &erin, Credentials::generate().unwrap().login().unwrap()).await;
    relay.transport = Transport::Relay;
    stage.post("/v1/register", None, &relay).await.problem(422, "invalid-registration");
    stage.end().await;
}

#[tokio::test]
async fn a_key_is_changed_by_registering_again_and_the_old_one_is_out_at_once() {
    let stage = Stage::new().await;
    let (carol, old) = newcomer(&stage, "carol").await;
    let bus = connect(&stage, &old).await.unwrap();
    let new = Credentials::generate().unwrap();
    let _again: Registered = register(&stage, &carol, &new).await.into(200);
    eventually("the end of the old connection", async || !bus.is_connected()).await;
    assert!(is_refused(&stage, &old).await);
    assert!(connect(&stage, &new).await.is_ok());
    stage.end().await;
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_and_stays_out() {
    let stage = Stage::new().await;
    let (mut carol, key) = newcomer(&stage, "carol").await;
    let upload = carol.upload();
    assert_eq!(carol.put_prekeys(&stage, &upload).await.status, 200);
    let mut bob = Person::registered(&stage, "bob").await;
    let _bundle = bob.bundle_of(&stage, "carol").await;
    let bus = connect(&stage, &key).await.unwrap();

    let began = Instant::now();
    let decided = stage.bus.decide(Decision::Revoke, &about("carol")).await.unwrap();
    assert!(decided.ended_connections >= 1 && !decided.login_in_configuration, "{decided:?}");
    eventually("the end of the connection", async || !bus.is_connected()).await;
    println!("revoked and disconnected after {:?}", began.elapsed());
    assert!(is_refused(&stage, &key).await);
    stage.get("/v1/prekeys/count", Some(&carol.token)).await.problem(401, "unauthenticated");
    stage.get("/v1/prekeys/carol", Some(&bob.token)).await.problem(404, "no-prekeys");
    register(&stage, &carol, &key).await.problem(403, "device-revoked");
    let other = Credentials::generate().unwrap();
    register(&stage, &carol, &other).await.problem(403, "device-revoked");
    assert!(is_refused(&stage, &other).await);

    // Again is no error; the list says so; and a new decision lets the same key come back.
    stage.bus.decide(Decision::Revoke, &about("carol")).await.unwrap();
    let listed = stage.bus.list_devices(0).await.unwrap().devices;
    let gone = listed.iter().find(|device| device.identity.as_str() == "carol").unwrap();
    assert!(gone.revoked_at.is_some() && !gone.readmitted && !gone.has_token);
    stage.bus.decide(Decision::Readmit, &about("carol")).await.unwrap();
    // The handle waits for it.
    register(&stage, &Person::new(&stage, "carol"), &other).await.problem(409, "handle-taken");
    let again: Registered = register(&stage, &carol, &key).await.into(201);
    carol.take(&again);
    assert!(connect(&stage, &key).await.is_ok());
    bob.take(&bob.register(&stage, Transport::Relay).await.into(200));
    stage.end().await;
}

#[tokio::test]
async fn a_rotated_device_registers_again_by_itself() {
    let stage = Stage::new().await;
    let mut bob = Person::registered(&stage, "bob").await;
    let decided = stage.bus.decide(Decision::Rotate, &about("bob")).await.unwrap();
    assert_eq!(decided.ended_connections, 0);
    stage.get("/v1/prekeys/count", Some(&bob.token)).await.problem(401, "unauthenticated");
    let listed = stage.bus.list_devices(0).await.unwrap();
    assert!(!listed.devices[0].has_token && listed.devices[0].revoked_at.is_none());
    let again: Registered = bob.register(&stage, Transport::Relay).await.into(200);
    bob.take(&again);
    assert_eq!(stage.get("/v1/prekeys/count", Some(&bob.token)).await.status, 200);

    for (decision, handle) in
        [(Decision::Revoke, "nobody"), (Decision::Rotate, "nobody"), (Decision::Readmit, "bob")]
    {
        let refused = stage.bus.decide(decision, &about(handle)).await.unwrap_err().to_string();
        assert!(refused.contains("Nobody has this handle"), "{refused}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_list_goes_on_where_a_page_ended() {
    let stage = Stage::new().await;
    let people: Vec<_> = (0..70).map(|number| format!("person{number}")).collect();
    for handle in &people {
        let person = Person::new(&stage, handle);
        assert_eq!(person.register(&stage, Transport::Relay).await.status, 201);
    }
    let (mut seen, mut from) = (HashSet::new(), Some(0));
    let mut pages = 0;
    while let Some(next) = from {
        let page = stage.bus.list_devices(next).await.unwrap();
        seen.extend(page.devices.into_iter().map(|device| device.identity.to_string()));
        (from, pages) = (page.next, pages + 1);
    }
    assert_eq!(seen, people.into_iter().collect());
    assert!(pages >= 2);
    stage.end().await;
}

/// The server ends a connection whose login has run out; the client logs in again by itself.
#[tokio::test]
async fn logins_run_out_under_load_and_no_message_is_lost() {
    const MESSAGES: u32 = 1_500;
    // Long past the 5 s within which what a lost connection held comes again.
    const LIFE: Duration = Duration::from_secs(8);
    let config = Config { port: 0, ..Config::default() };
    let stage = Stage::with_logins_for(config, LIFE).await;
    let (_carol, sender) = newcomer(&stage, "carol").await;
    let (_dave, reader) = newcomer(&stage, "dave").await;
    let (sender, reader) =
        (connect(&stage, &sender).await.unwrap(), connect(&stage, &reader).await.unwrap());
    let drops = Arc::new(Mutex::new(0));
    let watch = tokio::spawn({
        let (sender, drops) = (sender.clone(), Arc::clone(&drops));
        async move {
            let mut stood = true;
            loop {
                let stands = sender.is_connected();
                if stood && !stands {
                    *drops.lock().unwrap() += 1;
                }
                stood = stands;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let publishing = tokio::spawn(async move {
        let carol = NatsMailbox::new(sender);
        let mut retries = 0;
        for number in 0..MESSAGES {
            let message = sealed("dave", number);
            while let Err(error) = carol.publish(&message).await {
                retries += 1;
                assert!(retries < 1000, "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        retries
    });
    let mut deliveries = NatsMailbox::new(reader).open(&mailbox("dave")).await.unwrap();
    let (mut seen, mut again) = (HashSet::new(), 0);
    while seen.len() < MESSAGES as usize {
        let next = tokio::time::timeout(Duration::from_mins(1), deliveries.next(32)).await;
        for delivery in next.unwrap().unwrap() {
            // As a device does: kept before it is acknowledged. The broker may have taken an
            // acknowledgement whose confirmation was lost with the connection.
            let new = seen.insert(delivery.bytes);
            again += u32::from(!new);
            let _ = delivery.acknowledgement.acknowledge().await;
        }
    }
    let retries = publishing.await.unwrap();
    watch.abort();
    let drops = *drops.lock().unwrap();
    println!("{MESSAGES} delivered over {drops} expired logins; {retries} retries, {again} again");
    assert!(drops >= 1, "no login ran out");
    stage.end().await;
}

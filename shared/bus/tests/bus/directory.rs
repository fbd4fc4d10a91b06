//! Asking and answering over NATS.

use std::sync::Arc;

use async_trait::async_trait;
use sysmaint_bus::{Bus, Directory as _, DirectoryError, DirectoryHandler, NatsDirectory};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, Handle, Timestamp,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, DeliveryCertificate, PrekeyCount, PrekeyStock,
        PrekeyUpload, Problem, RegisterRequest, Registered, Roster, SignedPrekey, Transport,
    },
    subject::{Mailbox, Operation},
};
use tokio_util::sync::CancellationToken;

use crate::site::{Site, eventually, handle, mailbox};

/// Answers with what it was asked, so that a test sees who was taken for whom.
struct Echo;

fn bytes(text: &str) -> Base64Bytes {
    text.as_bytes().to_vec().into()
}

#[async_trait]
impl DirectoryHandler for Echo {
    async fn challenge(&self, own: &Mailbox) -> Result<Challenge, Problem> {
        Ok(Challenge { nonce: bytes(&own.to_string()), expires_at: Timestamp::from_millis(1) })
    }

    async fn register(&self, request: &RegisterRequest) -> Result<(bool, Registered), Problem> {
        let registered = Registered {
            token: Some("a secret".to_owned()),
            certificate: bytes(request.identity.as_str()),
            trust_root: bytes("root"),
        };
        Ok((true, registered))
    }

    async fn upload_prekeys(
        &self,
        own: &Mailbox,
        upload: &PrekeyUpload,
    ) -> Result<PrekeyCount, Problem> {
        Ok(PrekeyCount {
            one_time_prekeys: u32::try_from(upload.one_time_prekeys.len()).unwrap(),
            one_time_kyber_prekeys: own.device_id.get().into(),
        })
    }

    async fn prekey_stock(&self, own: &Mailbox) -> Result<PrekeyStock, Problem> {
        Err(Problem {
            kind: "urn:sysmaint:unknown-device".to_owned(),
            title: "unknown device".to_owned(),
            status: 404,
            detail: format!("{own} is not registered"),
        })
    }

    async fn certificate(&self, own: &Mailbox) -> Result<DeliveryCertificate, Problem> {
        Ok(DeliveryCertificate {
            certificate: bytes(&own.to_string()),
            expires_at: Timestamp::from_millis(1),
        })
    }

    async fn bundle(&self, requester: &Handle, target: &Handle) -> Result<Bundle, Problem> {
        let joined = format!("{requester}-{target}");
        let service_id = serde_json::from_str("\"11111111-2222-4333-8444-555555555555\"").unwrap();
        Ok(Bundle { identity: joined.parse().unwrap(), service_id, devices: Vec::new() })
    }

    async fn devices(&self, target: &Handle) -> Result<Roster, Problem> {
        let service_id = serde_json::from_str("\"11111111-2222-4333-8444-555555555555\"").unwrap();
        let (devices, former) = (Vec::new(), Vec::new());
        Ok(Roster { identity: target.clone(), service_id, revision: 7, devices, former })
    }

    async fn admit(&self, own: &Mailbox, request: &AdmitRequest) -> Result<Admitted, Problem> {
        let numbers = [own.device_id, request.further_device_id].map(DeviceId::get);
        Ok(Admitted { expires_at: Timestamp::from_millis(numbers.map(u64::from).iter().sum()) })
    }
}

fn registration(identity: &str) -> RegisterRequest {
    RegisterRequest {
        identity: handle(identity),
        service_id: serde_json::from_str("\"11111111-2222-4333-8444-555555555555\"").unwrap(),
        device_id: mailbox(identity).device_id,
        registration_id: 1,
        identity_key: vec![5; 33].into(),
        transport: Transport::Nats,
        nonce: vec![1; 32].into(),
        signature: vec![2; 64].into(),
        code: None,
        admission: None,
        nats: None,
    }
}

/// Serves, and waits until the service answers.
async fn serving(relay: &Bus, alice: &NatsDirectory) -> CancellationToken {
    let shutdown = CancellationToken::new();
    let (served, stop) = (relay.clone(), shutdown.clone());
    tokio::spawn(async move {
        served.serve_directory(Arc::new(Echo), "0.1.0", stop).await.unwrap();
    });
    eventually("the directory", async || alice.certificate(&mailbox("alice")).await.ok()).await;
    shutdown
}

#[tokio::test]
async fn every_operation_is_answered_for_who_asked() {
    let (site, relay) = Site::new().await;
    let alice = NatsDirectory::new(site.bus("alice").await);
    let shutdown = serving(&relay, &alice).await;
    let own = mailbox("alice");

    assert_eq!(alice.challenge(&own).await.unwrap().nonce, bytes("alice.1"));
    let registered = alice.register(&registration("alice")).await.unwrap();
    assert_eq!(registered.certificate, bytes("alice"));
    assert_eq!(registered.token, None, "a token was sent over the bus");
    let key = SignedPrekey { id: 1, public_key: vec![5; 33].into(), signature: vec![1; 64].into() };
    let upload = PrekeyUpload {
        signed_prekey: key.clone(),
        last_resort_kyber_prekey: key,
        one_time_prekeys: Vec::new(),
        one_time_kyber_prekeys: Vec::new(),
    };
    assert_eq!(alice.upload_prekeys(&own, &upload).await.unwrap().one_time_kyber_prekeys, 1);
    let unknown = alice.prekey_stock(&own).await.unwrap_err();
    assert!(unknown.is_unknown(), "{unknown}");
    assert!(unknown.to_string().contains("alice.1 is not registered"));
    let bundle = alice.bundle(&own.handle, &handle("bob")).await.unwrap();
    assert_eq!(bundle.identity, handle("alice-bob"));
    let roster = alice.devices(&own.handle, &handle("bob")).await.unwrap();
    assert_eq!((roster.identity, roster.revision), (handle("bob"), 7));
    let further = AdmitRequest {
        further_device_id: DeviceId::try_from(5_u8).unwrap(),
        identity_key: vec![5; 33].into(),
        admission: vec![1; 66].into(),
    };
    let admitted = alice.admit(&own, &further).await.unwrap();
    assert_eq!(admitted.expires_at, Timestamp::from_millis(6), "device 1 admits device 5");

    shutdown.cancel();
    site.server.stop().await;
}

#[tokio::test]
async fn a_largest_upload_passes() {
    let (site, relay) = Site::new().await;
    let alice = NatsDirectory::new(site.bus("alice").await);
    let shutdown = serving(&relay, &alice).await;
    let key =
        |id| SignedPrekey { id, public_key: vec![5; 1569].into(), signature: vec![1; 64].into() };
    let upload = PrekeyUpload {
        signed_prekey: key(1),
        last_resort_kyber_prekey: key(2),
        one_time_prekeys: (0..100)
            .map(|id| sysmaint_protocol::rest::Prekey {
                id: 0x00ff_ff00 + id,
                public_key: vec![5; 33].into(),
            })
            .collect(),
        one_time_kyber_prekeys: (0..100).map(|id| key(0x00ff_ff00 + id)).collect(),
    };
    let count = alice.upload_prekeys(&mailbox("alice"), &upload).await.unwrap();
    assert_eq!(count.one_time_prekeys, 100);
    shutdown.cancel();
    site.server.stop().await;
}

#[tokio::test]
async fn nobody_asks_in_another_name() {
    let (site, relay) = Site::new().await;
    let alice = NatsDirectory::new(site.bus("alice").await);
    let shutdown = serving(&relay, &alice).await;

    // The broker denies the subject.
    let denied = alice.certificate(&mailbox("bob")).await.unwrap_err();
    assert!(matches!(&denied, DirectoryError::Unreachable(why) if why.contains("Permissions")));
    // And the service refuses another name in the payload.
    let (client, _denials) = site.client("alice").await;
    let subject = Operation::Register.subject(&handle("alice"), None);
    let payload = serde_json::to_vec(&registration("bob")).unwrap();
    let answer = client.request(subject.clone(), payload.into()).await.unwrap();
    assert_eq!(answer.headers.unwrap().get("Nats-Service-Error-Code").unwrap().as_str(), "403");
    let problem: Problem = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(problem.kind, "urn:sysmaint:identity-mismatch");

    let garbage = client.request(subject, "{\"identity\":".into()).await.unwrap();
    let problem: Problem = serde_json::from_slice(&garbage.payload).unwrap();
    assert_eq!((problem.status, problem.kind.as_str()), (400, "urn:sysmaint:malformed"));
    shutdown.cancel();
    site.server.stop().await;
}

#[tokio::test]
async fn an_answer_goes_to_an_inbox_and_nowhere_else() {
    let (site, relay) = Site::new().await;
    let alice = NatsDirectory::new(site.bus("alice").await);
    let shutdown = serving(&relay, &alice).await;
    let (client, _denials) = site.client("alice").await;
    let subject = Operation::Certificate.subject(&handle("alice"), None);
    let mine = mailbox("bob").sealed();
    client.publish_with_reply(subject, mine, "{\"device_id\":1}".into()).await.unwrap();
    client.flush().await.unwrap();
    // The service works in order, so its next answer comes after the one that must not.
    alice.challenge(&mailbox("alice")).await.unwrap();
    assert_eq!(relay.mailbox_depth(&mailbox("bob")).await.unwrap(), 0);
    shutdown.cancel();
    site.server.stop().await;
}

#[tokio::test]
async fn without_a_relay_the_directory_is_unreachable_at_once() {
    let (site, _relay) = Site::new().await;
    let alice = NatsDirectory::new(site.bus("alice").await);
    let outcome = alice.certificate(&mailbox("alice")).await;
    assert!(
        matches!(&outcome, Err(DirectoryError::Unreachable(why)) if why.contains("no relay")),
        "{outcome:?}"
    );
    site.server.stop().await;
}

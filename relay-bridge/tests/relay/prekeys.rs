//! Prekeys in and out.

use sysmaint_protocol::rest::{PrekeyCount, Registered, Transport};

use crate::{
    person::{NONE_HELD, Person},
    stage::Stage,
};

#[tokio::test]
async fn one_time_prekeys_are_handed_out_once_and_then_the_last_resort() {
    let stage = Stage::new().await;
    let mut alice = Person::registered(&stage, "alice").await;
    let bob = Person::registered(&stage, "bob").await;
    let mut upload = alice.upload();
    upload.one_time_prekeys.truncate(3);
    upload.one_time_kyber_prekeys.truncate(2);
    let counts: PrekeyCount = alice.put_prekeys(&stage, &upload).await.into(200);
    assert_eq!((counts.one_time_prekeys, counts.one_time_kyber_prekeys), (3, 2));

    let mut ec = Vec::new();
    let mut kyber = Vec::new();
    for _ in 0..4 {
        let bundle = bob.bundle_of(&stage, "alice").await;
        let [device] = &bundle.devices[..] else { panic!("one device") };
        assert_eq!(device.signed_prekey, upload.signed_prekey);
        ec.push(device.one_time_prekey.clone());
        kyber.push(device.kyber_prekey.clone());
    }
    assert_eq!(ec.pop().unwrap(), None);
    for key in &upload.one_time_prekeys {
        assert_eq!(ec.iter().flatten().filter(|popped| *popped == key).count(), 1);
    }
    assert_eq!(kyber[2..], [&upload.last_resort_kyber_prekey; 2].map(Clone::clone));
    for key in &upload.one_time_kyber_prekeys {
        assert_eq!(kyber.iter().filter(|popped| *popped == key).count(), 1);
    }
    let counts: PrekeyCount = stage.get("/v1/prekeys/count", Some(&alice.token)).await.into(200);
    assert_eq!(counts, NONE_HELD);
    stage.end().await;
}

#[tokio::test]
async fn a_full_upload_is_taken_and_repeating_it_adds_nothing() {
    let stage = Stage::new().await;
    let mut alice = Person::registered(&stage, "alice").await;
    let upload = alice.upload();
    for _ in 0..2 {
        let counts: PrekeyCount = alice.put_prekeys(&stage, &upload).await.into(200);
        assert_eq!((counts.one_time_prekeys, counts.one_time_kyber_prekeys), (100, 100));
    }
    stage.end().await;
}

#[tokio::test]
async fn nothing_is_taken_of_an_upload_with_a_foreign_signature() {
    let stage = Stage::new().await;
    let mut alice = Person::registered(&stage, "alice").await;
    let mut mallory = Person::registered(&stage, "mallory").await;
    let foreign = mallory.upload();
    alice.put_prekeys(&stage, &foreign).await.problem(422, "invalid-prekeys");
    let mut last = alice.upload();
    last.one_time_kyber_prekeys[99].signature =
        foreign.one_time_kyber_prekeys[99].signature.clone();
    let problem = alice.put_prekeys(&stage, &last).await.problem(422, "invalid-prekeys");
    let id = last.one_time_kyber_prekeys[99].id.to_string();
    assert!(problem["detail"].as_str().unwrap().contains(&id), "{problem}");

    let counts: PrekeyCount = stage.get("/v1/prekeys/count", Some(&alice.token)).await.into(200);
    assert_eq!(counts, NONE_HELD);
    stage.get("/v1/prekeys/alice", Some(&mallory.token)).await.problem(404, "no-prekeys");
    stage.end().await;
}

#[tokio::test]
async fn an_upload_has_an_end() {
    let stage = Stage::new().await;
    let mut alice = Person::registered(&stage, "alice").await;
    let mut upload = alice.upload();
    let mut extra = upload.one_time_prekeys[0].clone();
    extra.id = extra.id % 1000 + 1;
    upload.one_time_prekeys.push(extra);
    alice.put_prekeys(&stage, &upload).await.problem(422, "invalid-prekeys");
    while serde_json::to_vec(&upload).unwrap().len() <= 512 * 1024 {
        upload.one_time_kyber_prekeys.extend(upload.one_time_kyber_prekeys.clone());
    }
    alice.put_prekeys(&stage, &upload).await.problem(413, "body-too-large");
    stage.end().await;
}

#[tokio::test]
async fn nobodys_bundle_is_not_found() {
    let stage = Stage::new().await;
    let alice = Person::registered(&stage, "alice").await;
    let token = Some(alice.token.as_str());
    stage.get("/v1/prekeys/nobody", token).await.problem(404, "unknown-identity");
    stage.get("/v1/prekeys/No.Body", token).await.problem(400, "invalid-request");
    stage.end().await;
}

#[tokio::test]
async fn a_new_registration_id_ends_the_prekeys_of_the_old_store() {
    let stage = Stage::new().await;
    let mut alice = Person::ready(&stage, "alice").await;
    let kept: Registered = alice.register(&stage, Transport::Relay).await.into(200);
    alice.take(&kept);
    let counts: PrekeyCount = stage.get("/v1/prekeys/count", Some(&alice.token)).await.into(200);
    assert_eq!(counts.one_time_prekeys, 100, "the same store keeps its prekeys");

    crate::messages::renumber(&mut alice, &stage).await;
    let counts: PrekeyCount = stage.get("/v1/prekeys/count", Some(&alice.token)).await.into(200);
    assert_eq!(counts, NONE_HELD);
    stage.end().await;
}

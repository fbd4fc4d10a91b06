//! Real messages and records, from which the corpora are made.

use sysmaint_protocol::{
    Base64Bytes, ContentId, Kind, Timestamp,
    body::{
        self, Answer, Delta, Prompt, Receipt, Repair, Stop, Telemetry, Text, Usage, UsageReset,
    },
    pad,
    rest::DeliveryCertificate,
};

use super::stage::{Actor, NOW, STAGE, rng};
use crate::{
    archive,
    authority::Authority,
    key::IdentityKey,
    store::{LocalStore, Memory, PeerStore, PrekeyClass, PrekeyStore},
};

/// For each target some inputs, most of which it accepts.
pub(super) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let stage = &*STAGE;
    let envelopes = || stage.waiting.iter().chain([&stage.first, &stage.asking]);
    match target {
        "authority" => vec![stage.authority.to_bytes().unwrap().to_vec()],
        "body" => bodies(),
        "certificate" => certificates(),
        "content" => [(0, &stage.waiting[0]), (1, &stage.first), (3, &stage.asking)]
            .map(|(kind, sealed)| tagged(kind, stage.unsealed(sealed).contents().unwrap()))
            .into(),
        "envelope" | "open" => {
            envelopes().map(|sealed| sealed.envelope().as_bytes().to_vec()).collect()
        }
        "guard" => {
            let waiting = stage.waiting.iter().map(|sealed| stage.unsealed(sealed));
            waiting.map(|content| content.contents().unwrap().to_vec()).collect()
        }
        "header" => bodies().iter().map(|body| headed(body)).collect(),
        "padding" => bodies().iter().map(|body| pad(headed(body)).unwrap()).collect(),
        "local" => local(&stage.bob),
        "peer" => [&stage.alice, &stage.bob]
            .map(|actor| actor.request.identity_key.0.clone())
            .into_iter()
            .chain([[&[5][..], &[0; 32]].concat(), [&[5, 1][..], &[0; 31]].concat()])
            .collect(),
        "pq_ratchet" => vec![
            stage.message().pq_ratchet().clone(),
            stage.opening().message().pq_ratchet().clone(),
            vec![1, 1, 0, 0],
            vec![1, 2, 3, 4],
            [&[1, 1, 1, 1, 3][..], &[7; 32]].concat(),
            [&[1, 2, 1, 6, 0x83, 1][..], &[7; 32]].concat(),
        ],
        "prekey" => vec![stage.unsealed(&stage.first).contents().unwrap().to_vec()],
        "prekey_record" => prekey_records(&stage.bob.store),
        "request" => {
            let contents = stage.unsealed(&stage.asking).contents().unwrap().to_vec();
            // Without the type's byte and the padding's, as it is stored.
            let stored = contents[1..contents.len() - 1].to_vec();
            vec![contents, stored]
        }
        "rest" => documents(),
        "session" => sessions(),
        _ => Vec::new(),
    }
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag], bytes].concat()
}

fn json<T: serde::Serialize>(tag: u8, document: &T) -> Vec<u8> {
    tagged(tag, &serde_json::to_vec(document).unwrap())
}

fn bodies() -> Vec<Vec<u8>> {
    fn one<B: body::Body>(body: &B) -> Vec<u8> {
        json(B::KIND.into(), body)
    }
    let usage = Usage { answers: 3, cost_usd: 0.25, since: NOW, ..Usage::default() };
    let answer = r#"{"text":"fine","model":"offline-analyst","usage":{"input_tokens":1,
        "output_tokens":2,"cost_usd":0.5},"total":{"input_tokens":1,"output_tokens":2,
        "cost_usd":0.5,"answers":1,"since":"2026-11-23T09:30:00Z"},"took_ms":7}"#;
    let answer: Answer = serde_json::from_str(answer).unwrap();
    vec![
        one(&Text { text: "hello \u{1f600}".into() }),
        one(&Prompt::new("how is \"web\"?\n")),
        one(&answer),
        one(&Receipt {
            content_ids: vec![ContentId::from_bytes([9; 16]); 3],
            telemetry_window: 30,
        }),
        one(&Repair { again: vec![1, u64::MAX >> 1], gone: vec![7] }),
        one(&usage),
        one(&Delta { attempt: 1, seq: 2, text: "more".into() }),
        one(&Stop {}),
        one(&UsageReset {}),
        one(&Telemetry {
            stream: ContentId::from_bytes([4; 16]),
            samples: Vec::new(),
            lost: Vec::new(),
        }),
    ]
}

fn headed(body: &[u8]) -> Vec<u8> {
    let header = sysmaint_protocol::Header {
        content_id: ContentId::from_bytes([1; 16]),
        kind: Kind::try_from(body[0]).unwrap(),
        in_reply_to: body.len().is_multiple_of(2).then(|| ContentId::from_bytes([2; 16])),
        sequence: body.len() as u64,
        sent_at: NOW,
        sender: STAGE.alice.device.address(),
        recipient: STAGE.bob.device.address(),
        sender_handle: "alice".parse().unwrap(),
    };
    header.encode(&body[1..])
}

fn certificates() -> Vec<Vec<u8>> {
    let (mut rng, stage) = (rng(20), &*STAGE);
    let key = IdentityKey::parse(&stage.alice.request.identity_key.0).unwrap();
    let owner = stage.alice.device.address();
    let other = Authority::generate(&mut rng).unwrap();
    let old = Timestamp::from_millis(1_700_000_000_000);
    let mut issue =
        |authority: &Authority, at| authority.issue(&mut rng, owner, &key, at).unwrap().certificate;
    vec![issue(&stage.authority, NOW), issue(&stage.authority, old), issue(&other, NOW)]
}

fn local(actor: &Actor) -> Vec<Vec<u8>> {
    let local = actor.store.local().unwrap().unwrap();
    vec![
        tagged(0, &local.identity_key_pair),
        tagged(1, &local.trust_root),
        tagged(2, &local.certificate.unwrap()),
        tagged(3, b"portable"),
    ]
}

fn prekey_records(store: &Memory) -> Vec<Vec<u8>> {
    let classes = [PrekeyClass::Ec, PrekeyClass::Kyber, PrekeyClass::Signed];
    let numbered = classes.into_iter().zip(0..);
    let mut records: Vec<_> = numbered
        .map(|(class, tag)| tagged(tag, &store.prekeys(class).unwrap()[0].record))
        .collect();
    let last_resort = store.prekeys(PrekeyClass::LastResort).unwrap();
    records.push(tagged(3, &last_resort[0].record));
    records
}

fn documents() -> Vec<Vec<u8>> {
    let stage = &*STAGE;
    let mut bob = stage.bob.clone();
    let renewed = DeliveryCertificate {
        certificate: Base64Bytes(bob.registered.certificate.0.clone()),
        expires_at: NOW,
    };
    let mut upload = bob.upload.clone();
    upload.one_time_prekeys.truncate(2);
    upload.one_time_kyber_prekeys.truncate(1);
    vec![
        json(0, &bob.bundle()),
        json(1, &bob.registered),
        json(2, &renewed),
        json(3, &bob.request),
        json(4, &upload),
    ]
}

/// Of one who was answered, one who was not, and with archived states.
fn sessions() -> Vec<Vec<u8>> {
    let stage = &*STAGE;
    let (alice, bob) = (stage.alice.device.address(), stage.bob.device.address());
    let answered = stage.bob.store.session(alice).unwrap().unwrap();
    let other = stage.alice.store.session(bob).unwrap().unwrap();
    let retired = archive::retire(&other).unwrap();
    let mut fresh = stage.alice.clone();
    fresh.store.put_session(bob, &retired).unwrap();
    let bundle = stage.bob.clone().bundle();
    let (device, store, rng) = (fresh.device.clone(), &mut fresh.store, &mut fresh.rng);
    device.accept_bundle(store, rng, NOW, &bundle.identity, &bundle).unwrap();
    let fresh = fresh.store.session(bob).unwrap().unwrap();
    vec![answered, other, retired, fresh]
}

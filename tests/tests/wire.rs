//! What somebody sees who reads all of NATS and every file: nothing of what is said, and on
//! envelopes nothing of who says it.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeSet, HashMap},
    os::unix::process::CommandExt as _,
    path::Path,
    process::Command,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sysmaint_protocol::{
    Base64Bytes, DeviceId, ServiceId,
    rest::{
        Bundle, Challenge, ChallengeRequest, DeliveryCertificate, FromDevice, Nothing, PrekeyCount,
        PrekeyUpload, Problem, RegisterRequest, Registered,
    },
    subject::{Mailbox, bucket},
};
use sysmaint_tests::{
    Captured, FixedModel, Process, RawNats, RemoteDevice, Scanner, Service, Services, canary,
    eventually, plain_canary,
};
use tempfile::TempDir;

const ALICE: &str = "alice-of-wire";
const ROBERTA: &str = "roberta-of-wire";
const CAROL: &str = "carol-of-wire";
const AGENT: &str = "sysmaint";
/// Everybody, with names too long to appear in ciphertext by chance.
const HANDLES: [&str; 5] = [ALICE, ROBERTA, CAROL, AGENT, "diagprobe"];

/// Everything that was said while an onlooker watched from the first moment.
struct Evidence {
    services: Services,
    wire: RawNats,
    secrets: Vec<(&'static str, String)>,
    _busy: Busy,
    _model: FixedModel,
}

/// A program with a name that nobody else has, and so busy that telemetry names it.
struct Busy {
    _process: Process,
    _directory: TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_can_be_read_on_the_wire_or_on_disk() {
    let evidence = Evidence::gather().await;
    let Evidence { services, wire, secrets, .. } = &evidence;
    let scanner = secrets
        .iter()
        .fold(Scanner::new(), |scanner, (label, secret)| scanner.disguised(label, secret));

    let seen = wire.seen();
    for class in
        ["sealed.", "wake.", "relay.v1.", "otpk.", "_INBOX.", "$JS.ACK.", "$JS.API.", "$KV."]
    {
        assert!(seen.iter().any(|message| message.subject.starts_with(class)), "no {class}");
    }
    for message in &seen {
        assert_eq!(scanner.find(&message.bytes()), [""; 0], "on {}", message.subject);
    }
    assert_eq!(scanner.find_in_files(services.directory()), []);

    // The same search finds what is there.
    let (label, secret) = &secrets[0];
    let hidden = String::from(Base64Bytes(format!("x{secret}").into_bytes()));
    let plain = &secrets.iter().find(|(label, _)| *label == "process").unwrap().1;
    wire.publish("control.payload", None, &[], hidden.as_bytes()).await;
    wire.publish("control.header", None, &[("X-Control", plain)], b"").await;
    wire.publish("control.reply", Some(&format!("control.{plain}")), &[], b"").await;
    wire.publish(&format!("control.subject.{plain}"), None, &[], b"").await;
    wire.flush().await;
    let controls = eventually("the controls", async || {
        let seen = wire.seen().into_iter();
        let controls: Vec<_> = seen.filter(|seen| seen.subject.starts_with("control.")).collect();
        (controls.len() == 4).then_some(controls)
    })
    .await;
    assert!(controls.iter().all(|control| !scanner.find(&control.bytes()).is_empty()));
    store(wire, &nobody(), hidden.as_bytes()).await;
    std::fs::write(services.data().join("control"), hidden).unwrap();
    let found = scanner.find_in_files(services.directory());
    let in_a_mailbox = |path: &Path| path.to_string_lossy().contains("/MAILBOX_");
    assert!(found.iter().any(|(path, _)| in_a_mailbox(path)), "{label}: {found:?}");
    assert!(found.iter().any(|(path, _)| path.ends_with("control")), "{label}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_name_no_sender_and_carry_no_lasting_key() {
    let evidence = Evidence::gather().await;
    let Evidence { services, wire, .. } = &evidence;
    let seen = wire.seen();
    let keys = lasting_keys(&seen);
    let judge = Judge::new(&keys);
    let envelopes: Vec<_> = seen.iter().filter(|message| is_envelope_or_wake(message)).collect();
    let recipients: BTreeSet<_> = envelopes.iter().filter_map(|seen| recipient(seen)).collect();
    assert_eq!(recipients, BTreeSet::from(HANDLES));
    for message in envelopes {
        assert_eq!(judge.faults(message), [""; 0], "on {}", message.subject);
        if message.subject.starts_with("wake.") {
            assert!(message.payload.is_empty());
        }
    }
    let streams = services.data().join("jetstream");
    let in_mailboxes = |scanner: &Scanner| {
        let mut found = scanner.find_in_files(&streams);
        found.retain(|(path, _)| path.to_string_lossy().contains("/MAILBOX_"));
        found.len()
    };
    // Carol fetches nothing, so what was sealed to her is there; keys are not.
    let to_carol = seen.iter().find(|seen| recipient(seen) == Some(CAROL)).unwrap();
    assert_eq!(in_mailboxes(&Scanner::new().raw("envelope", &to_carol.payload)), 1);
    assert_eq!(in_mailboxes(&judge.lasting), 0);

    // The same judge objects to what must not be.
    let subject = nobody().sealed();
    let key = &keys[0].1;
    for (headers, reply, payload) in [
        (&[("X-From", "nobody")][..], "_INBOX.x", &b""[..]),
        (&[("Nats-Msg-Id", ALICE)][..], "_INBOX.x", b""),
        (&[], &format!("_INBOX.{ROBERTA}.x"), b""),
        (&[], "_INBOX.x", &[b"before", key.as_slice()].concat()),
        (&[], "_INBOX.x", br#"{"text":"in the clear"}"#),
        (&[], "_INBOX.x", AGENT.as_bytes()),
    ] {
        wire.publish(&subject, Some(reply), headers, payload).await;
        let forged = eventually("the forged envelope", async || {
            let mut seen = wire.seen().into_iter().rev();
            seen.find(|seen| seen.subject == subject && seen.payload == payload)
        })
        .await;
        assert_ne!(judge.faults(&forged), [""; 0], "{headers:?} {reply} {payload:?}");
    }
    store(wire, &nobody(), key).await;
    assert_eq!(in_mailboxes(&judge.lasting), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_carries_public_material_and_nothing_else() {
    let evidence = Evidence::gather().await;
    let seen = evidence.wire.seen();
    let answers: HashMap<&str, &Captured> =
        seen.iter().map(|message| (message.subject.as_str(), message)).collect();
    let mut operations = BTreeSet::new();
    for request in seen.iter().filter(|message| message.subject.starts_with("relay.v1.")) {
        let operation = request.subject.split('.').nth(3).unwrap();
        let Some(answer) = request.reply.as_deref().and_then(|reply| answers.get(reply)) else {
            // Who asks before the relay listens asks again.
            continue;
        };
        let faults = directory_faults(operation, request, answer);
        assert_eq!(faults, [""; 0], "on {}", request.subject);
        operations.insert(operation);
    }
    let all = ["bundle", "challenge", "prekeycount", "prekeys", "register"];
    assert!(operations.is_superset(&BTreeSet::from(all)), "{operations:?}");

    // The same check objects to one field more, and to a key that is not public.
    let mut request =
        seen.iter().find(|message| message.subject.ends_with(".register")).unwrap().clone();
    let answer = answers[request.reply.as_deref().unwrap()];
    let mut json = request.json();
    json["token"] = "x".into();
    request.payload = json.to_string().into_bytes();
    assert_ne!(directory_faults("register", &request, answer), [""; 0]);
    json.as_object_mut().unwrap().remove("token");
    json["identity_key"] = String::from(Base64Bytes(vec![1; 32])).into();
    request.payload = json.to_string().into_bytes();
    assert_ne!(directory_faults("register", &request, answer), [""; 0]);
}

impl Evidence {
    /// Chat, direct messages, telemetry and a device on the relay, with a secret in each.
    async fn gather() -> Self {
        let (prompt, answer) = (canary(), canary());
        let model = FixedModel::start(&format!("all is well, {answer}")).await;
        let mut services = Services::builder()
            .with("ALICE_ID", ALICE)
            .with("BOB_ID", ROBERTA)
            .with("OPENAI_BASE_URL", model.url())
            .with("RUST_LOG", "trace")
            .prepare();
        services.launch(Service::Nats);
        let wire = services.onlooker().await;
        wire.subscribe(">").await;
        services.launch(Service::Relay);
        eventually("the relay", async || services.relay().get("/readyz").await).await;
        for service in [Service::Agent, Service::Probe, Service::Web] {
            services.launch(service);
        }
        services.ready().await;
        let busy = Busy::start();
        let web = services.web();
        let said = web.ask(&format!("and what about {prompt}?")).await.unwrap();
        assert!(said["reply"].as_str().unwrap().contains(&answer), "{said}");

        let mut secrets = vec![("prompt", prompt), ("answer", answer), ("process", busy.0)];
        for (from, to) in [(ALICE, ROBERTA), (ROBERTA, ALICE)] {
            let text = canary();
            web.send(from, to, &text).await.unwrap();
            received(&services, to, &text).await;
            secrets.push(("direct message", text));
        }
        let mut carol = RemoteDevice::enrol(services.relay(), CAROL).await;
        let text = canary();
        let sealed = carol.seal(ALICE, &text).await;
        assert_eq!(carol.send(&sealed).await, 202);
        received(&services, ALICE, &text).await;
        let reply = canary();
        web.send(ALICE, CAROL, &reply).await.unwrap();
        let carols = carol.mailbox().sealed();
        eventually("alice's message", async || {
            let mut mail = wire.seen().into_iter().filter(|seen| seen.subject == carols);
            mail.any(|seen| carol.open(&seen.payload).as_ref() == Some(&reply)).then_some(())
        })
        .await;
        let token = ("bearer token", carol.token().to_owned());
        let passphrase = ("passphrase", services.passphrase().to_owned());
        secrets.extend([("text to alice", text), ("text to carol", reply), token, passphrase]);
        let named = &secrets[2].1;
        eventually("the busy program in the telemetry", async || {
            web.status().await?.to_string().contains(named).then_some(())
        })
        .await;
        Self { services, wire, secrets, _busy: busy.1, _model: model }
    }
}

impl Busy {
    /// Its name, and the program while it runs.
    fn start() -> (String, Self) {
        let (name, directory) = (plain_canary(), TempDir::new().unwrap());
        let program = directory.path().join(&name);
        std::fs::copy("/bin/sh", &program).unwrap();
        let mut command = Command::new(program);
        command.arg0("sh").args(["-c", "while :; do :; done"]);
        let process = Process::start(command, directory.path(), "busy");
        (name.clone(), Self { _process: process, _directory: directory })
    }
}

/// What an envelope may not show.
struct Judge {
    lasting: Scanner,
    ours: Scanner,
    handles: Scanner,
}

impl Judge {
    fn new(keys: &[(String, Vec<u8>)]) -> Self {
        let lasting =
            keys.iter().fold(Scanner::new(), |scanner, (label, key)| scanner.disguised(label, key));
        let words = [
            "\"text\"",
            "\"prompt\"",
            "\"samples\"",
            "\"stream\"",
            "taken_at",
            "content_ids",
            "telemetry_window",
            "memory_total_bytes",
            "\"model\"",
        ];
        let ours = words.iter().fold(Scanner::new(), |scanner, word| scanner.disguised(word, word));
        let handles =
            HANDLES.iter().fold(Scanner::new(), |scanner, name| scanner.disguised(name, name));
        Self { lasting, ours, handles }
    }

    fn faults(&self, message: &Captured) -> Vec<String> {
        let strange = message.header_lines().into_iter().map(|(name, _)| name);
        let strange = strange.filter(|name| !name.starts_with("Nats-"));
        // The broker writes the subject of an envelope into the wake beside it.
        let named = String::from_utf8(message.headers.clone()).unwrap();
        let own = recipient(message).unwrap_or_default();
        let envelope = message.subject.replacen("wake.", "sealed.", 1);
        // Handed to its recipient, it says where that one acknowledges it.
        let reply = message.reply.as_deref().map(|reply| {
            if reply.starts_with("$JS.ACK.") {
                reply.replacen(own, "", 1)
            } else {
                reply.to_owned()
            }
        });
        let hidden = Captured {
            subject: message.subject.replacen(own, "", 1),
            reply,
            headers: named.replacen(&format!("Nats-Subject: {envelope}\r"), "\r", 1).into_bytes(),
            ..message.clone()
        };
        let bytes = hidden.bytes();
        let all = [&self.lasting, &self.ours, &self.handles];
        let found = all.into_iter().flat_map(|scanner| scanner.find(&bytes));
        found.map(str::to_owned).chain(strange).collect()
    }
}

fn is_envelope_or_wake(message: &Captured) -> bool {
    ["sealed.", "wake."].iter().any(|class| message.subject.starts_with(class))
}

/// Whose mailbox a subject names.
fn recipient(message: &Captured) -> Option<&'static str> {
    let words: Vec<_> = message.subject.split('.').collect();
    let ["sealed" | "wake", number, handle, "1"] = words[..] else { return None };
    assert_eq!(number, bucket(&handle.parse().unwrap()).to_string());
    HANDLES.into_iter().find(|known| *known == handle)
}

/// Every key that outlives a message, and whom it belongs to, as the directory was told.
fn lasting_keys(seen: &[Captured]) -> Vec<(String, Vec<u8>)> {
    let requests = seen.iter().filter(|message| message.subject.starts_with("relay.v1."));
    let replies: BTreeSet<_> =
        requests.clone().filter_map(|request| request.reply.clone()).collect();
    let answers = seen.iter().filter(|message| replies.contains(&message.subject));
    let mut keys = Vec::new();
    for message in requests.chain(answers).filter(|message| !message.payload.is_empty()) {
        collect_keys(&message.json(), &mut keys);
    }
    keys.sort();
    keys.dedup();
    let count = |label| keys.iter().filter(|(known, _)| known == label).count();
    assert!(count("identity_key") >= 4 && count("public_key") >= 4 * 200, "{}", keys.len());
    keys
}

fn collect_keys(json: &Value, keys: &mut Vec<(String, Vec<u8>)>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    ("identity_key" | "public_key" | "trust_root", Some(text)) => {
                        // Without the type, and of a Kyber key enough to know it by.
                        keys.push((name.clone(), bytes(text)[1..33].to_vec()));
                    }
                    ("service_id", Some(text)) => {
                        let id: ServiceId = text.parse().unwrap();
                        keys.push((name.clone(), id.as_bytes().to_vec()));
                        keys.push((name.clone(), text.as_bytes().to_vec()));
                    }
                    _ => collect_keys(value, keys),
                }
            }
        }
        _ => {}
    }
}

fn directory_faults(operation: &str, request: &Captured, answer: &Captured) -> Vec<String> {
    let (asked, answered) = (&request.payload, &answer.payload);
    let mut faults = match operation {
        "challenge" => is::<ChallengeRequest>(asked).chain(is_answer::<Challenge>(answer)),
        "register" => is::<RegisterRequest>(asked).chain(is_answer::<Registered>(answer)),
        "prekeys" => is::<FromDevice<PrekeyUpload>>(asked).chain(is_answer::<PrekeyCount>(answer)),
        "prekeycount" => is::<FromDevice<Nothing>>(asked).chain(is_answer::<PrekeyCount>(answer)),
        "certificate" => {
            is::<FromDevice<Nothing>>(asked).chain(is_answer::<DeliveryCertificate>(answer))
        }
        "bundle" => is::<Nothing>(asked).chain(is_answer::<Bundle>(answer)),
        other => vec![format!("an unknown operation {other}")].into_iter().chain(Vec::new()),
    }
    .collect();
    for payload in [asked, answered] {
        if let Ok(json) = serde_json::from_slice(payload) {
            secret_fields(&json, &mut faults);
        }
    }
    faults
}

/// Whether the bytes are this documented type, and no field more.
fn is<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> std::vec::IntoIter<String> {
    let exact = serde_json::from_slice::<Value>(bytes).ok().filter(|json| {
        let known = serde_json::from_slice::<T>(bytes).ok();
        known.is_some_and(|known| serde_json::to_value(known).unwrap() == *json)
    });
    let fault = exact.is_none().then(|| format!("not a {}", std::any::type_name::<T>()));
    fault.into_iter().collect::<Vec<_>>().into_iter()
}

fn is_answer<T: DeserializeOwned + Serialize>(answer: &Captured) -> std::vec::IntoIter<String> {
    match answer.header("Nats-Service-Error-Code") {
        Some(_) => is::<Problem>(&answer.payload),
        None => is::<T>(&answer.payload),
    }
}

/// Fields that are longer or shorter than anything public, and whatever looks like a token.
fn secret_fields(json: &Value, faults: &mut Vec<String>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| secret_fields(item, faults)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let lengths: &[usize] = match name.as_str() {
                    "identity_key" | "trust_root" => &[33],
                    "public_key" => &[33, 1569],
                    "signature" => &[64],
                    "nonce" => &[32],
                    "token" => &[],
                    _ => {
                        secret_fields(value, faults);
                        continue;
                    }
                };
                let length = value.as_str().map(|text| bytes(text).len());
                if !length.is_some_and(|length| lengths.contains(&length)) {
                    faults.push(format!("{name} of {length:?} bytes"));
                }
            }
        }
        Value::String(text) if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
            faults.push("something that looks like a token".to_owned());
        }
        _ => {}
    }
}

fn bytes(text: &str) -> Vec<u8> {
    Base64Bytes::try_from(text.to_owned()).map_or_else(|_| Vec::new(), |bytes| bytes.0)
}

/// A mailbox that nobody reads.
fn nobody() -> Mailbox {
    Mailbox::new("nobody-at-all".parse().unwrap(), DeviceId::FIRST)
}

/// Puts any bytes into a mailbox and waits until they are on disk.
async fn store(wire: &RawNats, mailbox: &Mailbox, bytes: &[u8]) {
    let stored = wire.request(&mailbox.sealed(), &[], bytes).await.json();
    assert!(stored["seq"].is_u64(), "{stored}");
}

async fn received(services: &Services, who: &str, text: &str) {
    eventually("the direct message", async || {
        let all = services.web().received(who).await?;
        all.iter().any(|(_, received)| received == text).then_some(())
    })
    .await;
}

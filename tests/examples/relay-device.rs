//! A device for the walk-through in docs/relay-api.md: what a shell cannot do, which is to sign,
//! to seal and to open. It speaks to nobody; JSON comes in on standard input and goes out again.
//!
//! Keys and sessions are in `<handle>.db` in the current directory, encrypted with
//! `MEGA_PASSPHRASE`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{
    error::Error,
    fmt::Write as _,
    io::{BufRead as _, Read as _},
    process::ExitCode,
    time::SystemTime,
};

use serde::{Serialize, de::DeserializeOwned};
use sysmaint_device::{Device, Incoming, store::LocalStore as _};
use sysmaint_protocol::{
    Base64Bytes, DeviceId, Handle, Timestamp,
    body::{self, Text},
    rest::{
        Bundle, Challenge, ChallengeRequest, OutgoingMessage, PrekeyCount, Registered, SendRequest,
        Transport, TrustRoot,
    },
    websocket::ServerFrame,
};
use sysmaint_store::{DeviceStore, Passphrase, Store, Tx};

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: relay-device new HANDLE         < trust root    > what to ask a challenge with
       relay-device register HANDLE    < challenge     > a signed registration
       relay-device registered HANDLE  < its answer
       relay-device prekeys HANDLE                     > prekeys to upload
       relay-device seal HANDLE TO TEXT < bundle of TO > a message to send
       relay-device open HANDLE        < deliver frames, one a line > what they say";

const NONE_HELD: PrekeyCount = PrekeyCount { one_time_prekeys: 0, one_time_kyber_prekeys: 0 };

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay-device: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (command, name) = match words.as_slice() {
        [command, name, ..] => (*command, name.parse::<Handle>()?),
        _ => return Err(USAGE.into()),
    };
    let passphrase = std::env::var("MEGA_PASSPHRASE").map_err(|_| "set MEGA_PASSPHRASE")?;
    let path = format!("{name}.db");
    let store = Store::open(path.as_ref(), &Passphrase::new(passphrase.into()))?;
    let answer = match (command, &words[2..]) {
        ("new", []) => new(&store, name, input()?).await?,
        ("register", []) => {
            let challenge: Challenge = input()?;
            with_device(&store, name, move |device, _, _| {
                let rng = &mut rand::rng();
                json(&device.registration(rng, &challenge, Transport::Relay, None)?)
            })
            .await?
        }
        ("registered", []) => {
            let answer: Registered = input()?;
            with_device(&store, name, move |device, store, _| {
                device.complete_registration(store, &answer)?;
                Ok(String::new())
            })
            .await?
        }
        ("prekeys", []) => {
            with_device(&store, name, |device, store, _| {
                let upload = device.prekey_upload(store, &mut rand::rng(), now(), NONE_HELD)?;
                device.prekeys_uploaded(store, now())?;
                json(&upload)
            })
            .await?
        }
        ("seal", [to, text]) => {
            let (to, text) = (to.parse()?, Text { text: (*text).to_owned() });
            let bundle: Bundle = input()?;
            with_device(&store, name, move |device, store, tx| {
                seal(device, store, tx, to, &text, &bundle)
            })
            .await?
        }
        ("open", []) => {
            let frames: Vec<_> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
            with_device(&store, name, move |device, store, tx| open(device, store, tx, &frames))
                .await?
        }
        _ => return Err(USAGE.into()),
    };
    print!("{answer}");
    Ok(())
}

/// Makes the device under a trust root that its owner believes in.
async fn new(store: &Store, name: Handle, root: TrustRoot) -> Result<String, Failure> {
    let step = move |tx: &Tx<'_>| -> Result<String, Failure> {
        let mut store = tx.device(&name)?;
        let (rng, root) = (&mut rand::rng(), &root.trust_root.0);
        Device::open(&mut store, rng, &name, DeviceId::FIRST, root)?;
        json(&ChallengeRequest { identity: name, device_id: DeviceId::FIRST })
    };
    store.write(step).await.map_err(|error| error.to_string().into())
}

/// Runs one step of the device in one transaction.
async fn with_device(
    store: &Store,
    name: Handle,
    step: impl FnOnce(&Device, &mut DeviceStore<'_>, &Tx<'_>) -> Result<String, Failure>
    + Send
    + 'static,
) -> Result<String, Failure> {
    let step = move |tx: &Tx<'_>| -> Result<String, Failure> {
        let mut store = tx.device(&name)?;
        let local = store.local()?.ok_or("there is no device yet: begin with `new`")?;
        let rng = &mut rand::rng();
        let device = Device::open(&mut store, rng, &name, DeviceId::FIRST, &local.trust_root)?;
        step(&device, &mut store, tx)
    };
    store.write(step).await.map_err(|error| error.to_string().into())
}

fn seal(
    device: &Device,
    store: &mut DeviceStore<'_>,
    tx: &Tx<'_>,
    to: Handle,
    text: &Text,
    bundle: &Bundle,
) -> Result<String, Failure> {
    let rng = &mut rand::rng();
    device.accept_bundle(store, rng, now(), &to, bundle)?;
    device.send(store, rng, now(), &to, None, text)?;
    let due = tx.outbox().due(store.slot(), now(), usize::from(u8::MAX))?;
    let messages = due.iter().map(|row| OutgoingMessage {
        id: row.sealed.transfer_id(),
        device_id: row.sealed.to().device_id,
        registration_id: row.sealed.registration_id(),
        envelope: Base64Bytes(row.sealed.envelope().as_bytes().to_vec()),
    });
    let request = SendRequest { to, messages: messages.collect() };
    let ids: Vec<_> = due.iter().map(|row| row.sealed.transfer_id()).collect();
    tx.outbox().published(store.slot(), &ids, now())?;
    json(&request)
}

fn open(
    device: &Device,
    store: &mut DeviceStore<'_>,
    tx: &Tx<'_>,
    frames: &[String],
) -> Result<String, Failure> {
    for frame in frames {
        let ServerFrame::Deliver { id, stored_at, envelope, .. } = serde_json::from_str(frame)?
        else {
            continue;
        };
        let incoming = Incoming { bytes: &envelope.0, transfer_id: id, stored_at };
        device.open_envelope(store, &mut rand::rng(), now(), incoming)?;
    }
    let mut said = String::new();
    for row in tx.inbox().unhandled(store.slot(), 0, 100)? {
        let Text { text } = body::decode(&row.body)?;
        writeln!(said, "{}: {text}", row.sender_handle)?;
        tx.inbox().handled(row.id, now())?;
    }
    Ok(said)
}

fn input<T: DeserializeOwned>() -> Result<T, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)? + "\n")
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

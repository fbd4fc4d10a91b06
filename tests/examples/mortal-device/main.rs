//! A device of a kill campaign: says numbers to one peer, hears numbers, and dies where it is
//! told to. Real endpoint, real file, real bus; the points are in wrappers around them.
//!
//! Commands come on standard input, one a line: `enough` ends the saying, `forget` loses the
//! sessions, `later N` moves the clock on by so many seconds. What happens goes to standard output.

#![expect(clippy::unwrap_used, reason = "a program for a test")]

mod ambush;
mod fuse;
mod mortal_directory;
mod mortal_mailbox;
mod talk;
mod tally;

use std::{
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sysmaint_bus::{Bus, BusConfig, Credentials, NatsDirectory, NatsMailbox};
use sysmaint_endpoint::{Clock, ContactError, Endpoint, EndpointConfig};
use sysmaint_protocol::{Base64Bytes, DeviceId, Handle, rest::Transport};
use sysmaint_store::{Passphrase, Store};
use sysmaint_tests::{KillPlan, WireLog};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    fuse::Fuse, mortal_directory::MortalDirectory, mortal_mailbox::MortalMailbox, talk::Talk,
    tally::Tally,
};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// It went wrong, in words.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<ContactError> for Failure {
    fn from(error: ContactError) -> Self {
        Self(error.to_string())
    }
}

/// One life: `mortal-device HANDLE PEER DIRECTORY LIFE SEED PAUSE_MS [PLAN]`.
struct Life {
    own: Handle,
    peer: Handle,
    /// Its file and its logs, which all lives share.
    directory: PathBuf,
    number: String,
    seed: u64,
    pause: u64,
    plan: Option<KillPlan>,
}

impl Life {
    fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Self {
            own: arguments[0].parse().unwrap(),
            peer: arguments[1].parse().unwrap(),
            directory: arguments[2].clone().into(),
            number: arguments[3].clone(),
            seed: arguments[4].parse().unwrap(),
            pause: arguments[5].parse().unwrap(),
            plan: arguments.get(6).map(|plan| plan.parse().unwrap()),
        }
    }

    fn log(&self, what: &str) -> WireLog {
        let name = format!("{}-{}.{what}", self.own, self.number);
        WireLog::create(&self.directory.join(name))
    }
}

#[tokio::main]
async fn main() {
    let life = Life::from_arguments();
    let fuse = Arc::new(Fuse::new(life.plan));
    let ahead = Arc::new(AtomicU64::new(0));
    let endpoint = start(&life, &fuse, ahead.clone()).await;
    let running = endpoint.clone();
    tokio::spawn(async move { running.run(CancellationToken::new()).await });
    tokio::spawn(ambush::lie_in_wait(endpoint.clone(), fuse.clone()));

    let (tell_enough, enough) = watch::channel(false);
    let talk = Talk::new(endpoint.clone(), fuse, life.peer.clone());
    tokio::spawn(talk.clone().speak(life.seed, life.pause, enough));
    tokio::spawn(talk.clone().listen());
    tokio::spawn(report(endpoint, talk.clone(), life.peer));
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        match command.split_once(' ').unwrap_or((&command, "")) {
            ("enough", _) => {
                tell_enough.send_replace(true);
            }
            ("forget", _) => talk.forget_sessions().await.unwrap(),
            ("later", seconds) => {
                ahead.fetch_add(seconds.parse().unwrap(), Ordering::SeqCst);
            }
            _ => say(&format!("trouble: nobody knows what {command} is")),
        }
    }
}

async fn start(life: &Life, fuse: &Arc<Fuse>, ahead: Arc<AtomicU64>) -> Endpoint {
    let passphrase = Passphrase::new(std::env::var("MEGA_PASSPHRASE").unwrap().into());
    let path = life.directory.join(format!("{}.db", life.own));
    let store = Store::open(&path, &passphrase).unwrap();
    let variable = |name: &str| std::env::var(name).unwrap();
    let credentials = Credentials::read(Path::new(&variable("NATS_NKEY_FILE"))).unwrap();
    let config = BusConfig::new(&variable("NATS_URL"), Some(credentials), "mortal-device");
    let bus = Bus::connect(config, &CancellationToken::new()).await.unwrap();
    let mailbox = MortalMailbox {
        inner: NatsMailbox::new(bus.clone()),
        fuse: fuse.clone(),
        sent: life.log("sent"),
        received: Arc::new(life.log("received")),
    };
    let directory = MortalDirectory { inner: NatsDirectory::new(bus), fuse: fuse.clone() };
    let config = EndpointConfig {
        handle: life.own.clone(),
        device_id: DeviceId::FIRST,
        trust_root: Base64Bytes::try_from(variable("TRUST_ROOT")).unwrap().0,
        transport: Transport::Nats,
        store,
        mailbox: Arc::new(mailbox),
        directory: Arc::new(directory),
        clock: Clock::new(move || {
            let ahead = Duration::from_secs(ahead.load(Ordering::SeqCst));
            Clock::system().now().after(ahead)
        }),
    };
    Endpoint::start(config).await.unwrap()
}

/// Prints how far it has come, whenever that changes.
async fn report(endpoint: Endpoint, talk: Talk, peer: Handle) {
    let mut last = String::new();
    let tallies = (Tally::of(peer), Tally::of(endpoint.handle().clone()));
    let tallies = Arc::new(Mutex::new(tallies));
    loop {
        let (tallies, slot) = (tallies.clone(), endpoint.slot());
        // Before looking: what is counted then is all that was said.
        let speaking = u8::from(talk.is_speaking());
        let look = endpoint.store().read(move |view| -> Result<String, Failure> {
            let mut tallies = tallies.lock().unwrap();
            let (said, heard) = (tallies.0.count(*view)?, tallies.1.count(*view)?);
            let (waiting, _) = view.outbox().waiting(slot)?;
            let repairs = view.repairs().counts(slot)?;
            Ok(format!("status {said} {heard} {waiting} {} {speaking}", repairs.awaited))
        });
        match look.await {
            Ok(status) if status != last => {
                say(&status);
                last = status;
            }
            Ok(_) => {}
            Err(error) => say(&format!("trouble while looking: {error}")),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The lines of standard input; ends with it.
fn commands() -> mpsc::Receiver<String> {
    let (sender, commands) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    commands
}

/// One line, whole.
pub(crate) fn say(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

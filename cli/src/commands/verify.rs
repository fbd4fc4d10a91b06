//! `sysmaint verify`: whose keys the devices of this machine have pinned, and decisions on them.

mod qr;
mod show;

use std::{io::Write as _, path::Path};

use sysmaint_protocol::Handle;
use sysmaint_service::{data_dir::DataDir, exit::Exit};
use tokio_util::sync::CancellationToken;

use crate::{
    args::VerifyArgs,
    confirmation, data_files,
    desk::{Answer, Asked, Desk, Key, Pair, Question, socket},
    failure::Failure,
    keyring::Service,
    own_device::OwnDevice,
    settings::Settings,
};

/// The services that have devices.
const SERVICES: [Service; 3] = [Service::Agent, Service::Probe, Service::Web];

/// Everybody on this machine who can be asked: the services that run, and the command line's own
/// device if it was ever used.
struct Desks<'a> {
    data: &'a DataDir,
    own: Option<OwnDevice>,
}

/// Lists, shows or decides.
pub(crate) async fn run(
    settings: Settings,
    args: &VerifyArgs,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let data = data_files::open_shared(&settings)?;
    let desks = Desks { data: &data, own: own_device(&settings, &data, &shutdown).await };
    let outcome = answer(&desks, args).await;
    if let Some(own) = desks.own {
        own.finish().await?;
    }
    outcome
}

async fn answer(desks: &Desks<'_>, args: &VerifyArgs) -> Result<(), Failure> {
    let Some(handle) = &args.handle else {
        let answer = desks.ask(args.of.as_ref(), Question::Known).await?;
        return show::known(&answer.known, args.json);
    };
    let pairs = desks.ask(args.of.as_ref(), Question::Standing(handle.clone())).await?.pairs;
    if pairs.is_empty() {
        return Err(Failure::unavailable(anyhow::anyhow!(
            "no device here knows {handle} yet: a key is pinned with the first message to or \
             from somebody"
        )));
    }
    if let Some(read_out) = &args.number {
        return compare(desks, args, handle, &pairs, read_out).await;
    }
    if !args.accept && !args.reject {
        return show::pairs(&pairs, args.json, args.qr);
    }
    let changed: Vec<_> = pairs.iter().filter(|pair| pair.key == Key::Changed).collect();
    if changed.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!("{handle}'s identity key has not changed: there is nothing to decide"),
        ));
    }
    confirm(args, handle, &changed)?;
    let question = if args.accept { Question::Accept } else { Question::Reject };
    let answer = desks.ask(args.of.as_ref(), question(handle.clone())).await?;
    show::decided(&answer.decided, args)
}

/// Marks as verified what has the number that was read from the other side.
async fn compare(
    desks: &Desks<'_>,
    args: &VerifyArgs,
    handle: &Handle,
    pairs: &[Pair],
    read_out: &str,
) -> Result<(), Failure> {
    let Some(pair) = pairs.iter().find(|pair| pair.number.is(read_out)) else {
        return Err(Failure::new(
            Exit::Data,
            anyhow::anyhow!(
                "this is not the safety number of {handle} here: do not go on before you know \
                 why. `sysmaint verify {handle}` shows what this side has"
            ),
        ));
    };
    if pairs.iter().any(|other| other.of == pair.of && other.device_id != pair.device_id) {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!(
                "the number is right for device {}; {handle} has other devices, whose numbers \
                 differ: compare each on the screen",
                pair.device_id
            ),
        ));
    }
    let question = Question::Verified(handle.clone());
    let decided = desks.ask(Some(&pair.of), question).await?.decided;
    if decided.is_empty() {
        return Err(Failure::new(
            Exit::Data,
            anyhow::anyhow!(
                "the number is that of the key pinned first, and another key has been seen since: \
                 accept or reject it first"
            ),
        ));
    }
    show::decided(&decided, args)
}

fn confirm(args: &VerifyArgs, handle: &Handle, changed: &[&Pair]) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let of: Vec<_> = changed.iter().map(|pair| pair.of.as_str()).collect();
    let what = if args.accept {
        format!("let {} believe {handle}'s new key, and open what was held", of.join(", "))
    } else {
        format!("let {} keep {handle}'s old key, and give up what was held", of.join(", "))
    };
    confirmation::confirm(&what, "you are sure")
}

/// A device that was never used knows nobody; it is not made for this.
async fn own_device(
    settings: &Settings,
    data: &DataDir,
    shutdown: &CancellationToken,
) -> Option<OwnDevice> {
    let store: &Path = &data.join(data_files::CLI);
    if !store.exists() {
        return None;
    }
    let started = OwnDevice::start(settings, shutdown).await;
    let said = |failure: &Failure| {
        note(&format!("left out the command line's own device: {}", failure.text()));
    };
    started.inspect_err(said).ok()
}

/// Beside the answer.
fn note(text: &str) {
    // Where nobody reads it, it is not missed.
    let _ = writeln!(std::io::stderr(), "sysmaint: {text}");
}

impl Desks<'_> {
    /// Asks everybody; fails if nobody is there or anybody refuses.
    async fn ask(&self, of: Option<&Handle>, question: Question) -> Result<Answer, Failure> {
        let asked = Asked { of: of.cloned(), question };
        let mut answers = socket::ask_each(self.data, &SERVICES, &asked).await?;
        if let Some(own) = &self.own {
            answers.push(Desk::new(vec![own.endpoint.clone()]).answer(&asked).await);
        }
        Answer::of_all(answers, || {
            anyhow::anyhow!(
                "nothing runs over {}, and the command line's own device was never used: start \
                 `sysmaint up`, or the service whose contacts you mean",
                self.data.path().display()
            )
        })
    }
}

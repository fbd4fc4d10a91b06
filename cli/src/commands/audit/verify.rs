//! `sysmaint audit verify`.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdout},
    time::Duration,
};

use serde::Serialize;
use sysmaint_bus::{AnchorError, Bus};
use sysmaint_protocol::audit::{Anchor, BridgeId};
use sysmaint_service::exit::Exit;
use sysmaint_store::audit::{AuditFile, Finding, Outcome, Verification};
use tokio_util::sync::CancellationToken;

use super::{Ground, unread};
use crate::{
    device,
    failure::Failure,
    keyring::{self, Service},
    settings::Settings,
};

/// How long the broker may take to be reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Rows between two words about the progress.
const SAY_EVERY: u64 = 50_000;

/// Checks everything and says what was found.
pub(super) async fn run(
    settings: &Settings,
    ground: Ground,
    offline: bool,
    json: bool,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let mut outcome = look(settings, &ground, offline, shutdown).await?;
    if outcome.findings.iter().any(|finding| matches!(finding, Finding::AnchorsLost { .. })) {
        // Perhaps one that the relay left between the two reads; then it is there by now.
        outcome = look(settings, &ground, offline, shutdown).await?;
    }
    let told = if json { print_json(&outcome) } else { print(&outcome) };
    told.map_err(|error| Failure::new(Exit::Io, error))?;
    if outcome.is_sound() {
        return Ok(());
    }
    let number = outcome.findings.len() + outcome.more_findings;
    let path = ground.path.display();
    let error = anyhow::anyhow!("{path} is not what the relay wrote: {number} findings");
    Err(Failure::new(Exit::Data, error))
}

/// Reads the anchors first and the rows after that: a running relay writes on, and a row that was
/// anchored in between would seem to be missing.
async fn look(
    settings: &Settings,
    ground: &Ground,
    offline: bool,
    shutdown: &CancellationToken,
) -> Result<Outcome, Failure> {
    let file = ground.open().await?;
    let anchors = if offline {
        None
    } else {
        Some(anchors(settings, ground, &file.chain().bridge, shutdown).await?)
    };
    let checked = tokio::task::spawn_blocking(move || check(file, anchors)).await;
    checked.map_err(Failure::unavailable)?
}

/// Asks the broker, as the operator or as the relay.
async fn anchors(
    settings: &Settings,
    ground: &Ground,
    bridge: &BridgeId,
    shutdown: &CancellationToken,
) -> Result<Vec<Anchor>, Failure> {
    let broker = crate::commands::broker(settings);
    let named = settings.nats.nkey_file.is_some();
    let operator = if named { None } else { keyring::optional(&ground.data, Service::Operator) };
    let (service, key) = match operator {
        Some(key) => (Service::Operator, key),
        None => (Service::Relay, keyring::credentials(settings, &ground.data, Service::Relay)?),
    };
    let connecting = device::connect(&broker, key, service, shutdown);
    let connected = tokio::time::timeout(CONNECT_WITHIN, connecting).await;
    let bus: Bus = connected.map_err(|_| {
        Failure::unavailable(anyhow::anyhow!(
            "{} does not answer, and the anchors are there: start it, name another server in \
             NATS_URL, or check the file alone with --offline",
            broker.url
        ))
    })??;
    let anchors = bus.anchors(bridge).await;
    bus.close().await;
    anchors.map_err(|error| match error {
        AnchorError::Malformed { .. } => Failure::new(Exit::Data, error),
        AnchorError::Unavailable(_) => Failure::unavailable(error),
    })
}

fn check(file: AuditFile, anchors: Option<Vec<Anchor>>) -> Result<Outcome, Failure> {
    let file = file.renewed().map_err(unread)?;
    let mut progress = Progress::new(file.count().unwrap_or(0));
    let mut verification = Verification::new(file.chain(), anchors);
    let read = file.rows(|row| {
        verification.row(row);
        progress.step();
    });
    progress.end();
    if read.is_err() {
        verification.unreadable();
    }
    Ok(verification.finish())
}

/// A line on a terminal that is written over again and again.
struct Progress {
    done: u64,
    of: u64,
    shown: bool,
}

impl Progress {
    fn new(of: u64) -> Self {
        Self { done: 0, of, shown: stderr().is_terminal() }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.shown && self.done.is_multiple_of(SAY_EVERY) {
            // Whoever closed the terminal does not look.
            let _ = write!(stderr(), "\rchecked {} of {} rows", self.done, self.of);
        }
    }

    fn end(&self) {
        if self.shown && self.done >= SAY_EVERY {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    sound: bool,
    #[serde(flatten)]
    outcome: &'a Outcome,
    meanings: Vec<String>,
}

fn print_json(outcome: &Outcome) -> std::io::Result<()> {
    let meanings = outcome.findings.iter().map(Finding::to_string).collect();
    let report = Report { sound: outcome.is_sound(), outcome, meanings };
    writeln!(stdout(), "{}", serde_json::to_string(&report)?)
}

fn print(outcome: &Outcome) -> std::io::Result<()> {
    let mut out = stdout().lock();
    let Outcome { bridge, first, last, rows, .. } = outcome;
    writeln!(out, "bridge {bridge}: {rows} rows, {first} to {last}")?;
    if let Some(pruned) = &outcome.pruned {
        let (through, at, before) = (pruned.through, pruned.at, pruned.before);
        writeln!(out, "rows up to {through} were pruned at {at}, all older than {before}")?;
    }
    match (outcome.anchors, outcome.confirmed_through) {
        (Some(number), Some(row)) => {
            writeln!(out, "{number} anchors at the broker agree, the last one with row {row}")?;
        }
        (Some(_), None) => writeln!(out, "no anchor at the broker agrees with a row")?,
        (None, _) => writeln!(out, "not compared with the broker's anchors (--offline)")?,
    }
    for finding in &outcome.findings {
        writeln!(out, "BROKEN: {finding}")?;
    }
    if outcome.more_findings > 0 {
        writeln!(out, "and {} more", outcome.more_findings)?;
    }
    if outcome.is_sound() {
        writeln!(out, "ok: every row is what was written")?;
    }
    Ok(())
}

//! What the stores say once everything has stopped.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sysmaint_protocol::{Handle, Timestamp};
use sysmaint_store::{Passphrase, SqlError, Store};
use sysmaint_tests::{Web, eventually};

/// The longest time between two samples of one host that is no hole, at one every 200 ms.
pub(crate) const HOLE: Duration = Duration::from_millis(1500);

/// Waits until the agent has the host's samples up to this moment; they come in order.
pub(crate) async fn caught_up(web: &Web) {
    eventually("the latest sample at the agent", async || {
        let answer = web.ask("what is the load?").await?;
        let reply = answer["reply"].as_str()?;
        (reply.contains("diagprobe") && reply.contains(" 0 s ago")).then_some(())
    })
    .await;
}

/// One service's view of one host.
pub(crate) struct Evidence {
    name: String,
    /// When samples were taken, in order.
    taken: Vec<Timestamp>,
    /// Numbers that never arrived.
    missing: u64,
    dead_letters: Vec<(String, u64)>,
    /// Answers that the agent has sealed.
    answers: u64,
}

impl Evidence {
    /// Of one store in a data directory.
    pub(crate) async fn of(data: &Path, store: &str, passphrase: &str) -> Self {
        Self::of_host("diagprobe", data, store, passphrase).await
    }

    /// The same of another host.
    pub(crate) async fn of_host(host: &str, data: &Path, store: &str, passphrase: &str) -> Self {
        let host: Handle = host.parse().unwrap();
        let (path, name) = (data.join(store), store.to_owned());
        let passphrase = Passphrase::new(passphrase.trim().to_owned().into());
        let read = move || {
            let store = Store::open(&path, &passphrase).unwrap();
            store.read_now(|view| -> Result<Self, SqlError> {
                let (from, to) =
                    (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX as u64));
                let samples = view.telemetry().samples(&host, from, to, usize::MAX)?;
                let hosts = view.telemetry().hosts()?;
                Ok(Self {
                    name,
                    taken: samples.iter().map(|sample| sample.taken_at).collect(),
                    missing: hosts.iter().map(|host| host.missing).sum(),
                    dead_letters: view.dead_letters().counts()?,
                    answers: view.usage().get()?.map_or(0, |usage| usage.answers),
                })
            })
        };
        tokio::task::spawn_blocking(read).await.unwrap().unwrap()
    }

    /// No sample was lost on the way, and no message could not be opened.
    pub(crate) fn check_complete(&self) -> &Self {
        assert_eq!(self.missing, 0, "{}: samples are missing", self.name);
        assert!(self.dead_letters.is_empty(), "{}: {:?}", self.name, self.dead_letters);
        assert!(!self.taken.is_empty(), "{}: no samples", self.name);
        self
    }

    /// Samples were there already before the first of these moments, and still after the last.
    pub(crate) fn check_covers(&self, from: SystemTime, to: SystemTime) -> &Self {
        let millis = |moment: SystemTime| {
            u64::try_from(moment.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
        };
        let (first, last) = (self.taken.first().unwrap(), self.taken.last().unwrap());
        assert!(first.as_millis() <= millis(from), "{}: begins at {first}", self.name);
        assert!(last.as_millis() >= millis(to), "{}: ends at {last}", self.name);
        self
    }

    /// While the probe ran without a break, so did its samples.
    pub(crate) fn check_without_hole(&self) {
        let longest = self.taken.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap();
        eprintln!("{}: {} samples, {longest:?} apart at most", self.name, self.taken.len());
        assert!(longest <= HOLE, "{}: a hole of {longest:?}", self.name);
    }

    /// The agent sealed one answer to each prompt.
    pub(crate) fn check_answers(&self, prompts: usize) {
        assert_eq!(self.answers, prompts as u64, "{}: prompts were answered twice", self.name);
    }
}

//! One device of a campaign, life after life.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sysmaint_tests::{KillPlan, KillPoint};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
};

/// A life in which the planned point does not come up ends anyway.
const LIVES_AT_MOST: Duration = Duration::from_secs(25);
const SIGKILL: i32 = 9;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How far a device has come, as its latest life last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) said: u64,
    pub(crate) heard: u64,
    /// Envelopes in the outbox.
    pub(crate) waiting: u64,
    /// Requests to resend without an answer.
    pub(crate) awaited: u64,
    /// Not 0 while it may still say something.
    pub(crate) speaking: u64,
}

/// Where a device lives, and with whom it talks.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) own: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) directory: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Between two bursts of messages, on average.
    pub(crate) pause: Duration,
}

/// A device.
pub(crate) struct Mortal {
    pub(crate) place: Place,
    /// Deaths so far, by where they came.
    pub(crate) deaths: BTreeMap<KillPoint, usize>,
    /// The life that no kill is planned for.
    last: Option<Life>,
    lives: u64,
    seed: u64,
    progress: Arc<Mutex<Progress>>,
}

/// One life.
pub(crate) struct Life {
    child: Child,
    // Apart from the child, who would lose it as soon as its end is waited for.
    stdin: ChildStdin,
    stdout: JoinHandle<Option<KillPoint>>,
}

impl Mortal {
    pub(crate) fn new(place: Place, seed: u64) -> Self {
        let (deaths, progress) = (BTreeMap::new(), Arc::default());
        Self { place, deaths, last: None, lives: 0, seed, progress }
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.lock().unwrap()
    }

    /// Begins the next life.
    fn live(&mut self, plan: Option<KillPlan>) -> Life {
        self.lives += 1;
        let Place { own, peer, directory, environment, pause } = &self.place;
        let seed = self.seed.wrapping_add(self.lives);
        let stderr = directory.join(format!("{own}.err"));
        let stderr = std::fs::File::options().create(true).append(true).open(stderr).unwrap();
        let mut command = Command::new(program());
        command
            .args([own, peer])
            .arg(directory)
            .args([self.lives.to_string(), seed.to_string(), pause.as_millis().to_string()])
            .args(plan.map(|plan| plan.to_string()))
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let progress = self.progress.clone();
        let stdout = tokio::spawn(follow(own, lines, progress));
        Life { stdin: child.stdin.take().unwrap(), child, stdout }
    }

    /// Lives on, so that those who still die have somebody to talk with.
    pub(crate) fn live_on(&mut self) {
        self.last = Some(self.live(None));
    }

    /// The life after all deaths.
    pub(crate) fn last_life(&mut self) -> Life {
        self.last.take().unwrap_or_else(|| self.live(None))
    }

    /// Lives until the planned death.
    pub(crate) async fn die(&mut self, plan: KillPlan) {
        let heard = self.progress().heard;
        let mut life = self.live(Some(plan));
        let ended = match plan.point {
            KillPoint::Anywhere => life.ends_within(Duration::from_millis(plan.passage)).await,
            KillPoint::Repair => {
                // Once its mailbox is open, so that something comes that it cannot open.
                let began = Instant::now();
                while self.progress().heard == heard && began.elapsed() < LIVES_AT_MOST / 2 {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                life.tell("forget").await;
                life.ends_within(LIVES_AT_MOST / 2).await
            }
            _ => life.ends_within(LIVES_AT_MOST).await,
        };
        let point = if ended { life.bury(&self.place).await } else { life.kill().await };
        *self.deaths.entry(point).or_default() += 1;
    }
}

impl Life {
    pub(crate) async fn tell(&mut self, command: &str) {
        // It may be dead by now.
        let _ = self.stdin.write_all(format!("{command}\n").as_bytes()).await;
    }

    async fn ends_within(&mut self, span: Duration) -> bool {
        tokio::time::timeout(span, self.child.wait()).await.is_ok()
    }

    /// `kill -9` from outside.
    pub(crate) async fn kill(mut self) -> KillPoint {
        let _ = self.child.kill().await;
        self.stdout.await.unwrap().unwrap_or(KillPoint::Anywhere)
    }

    /// Where it died; it must have been by the planned signal.
    async fn bury(mut self, place: &Place) -> KillPoint {
        let status = self.child.wait().await.unwrap();
        let point = self.stdout.await.unwrap();
        let said = || std::fs::read_to_string(place.directory.join(format!("{}.err", place.own)));
        assert_eq!(status.signal(), Some(SIGKILL), "{}: {}", place.own, said().unwrap());
        point.unwrap()
    }
}

/// Reads what a life says; returns where it says that it dies.
async fn follow(
    own: &'static str,
    mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    progress: Arc<Mutex<Progress>>,
) -> Option<KillPoint> {
    let mut died = None;
    while let Ok(Some(line)) = lines.next_line().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["status", numbers @ ..] => {
                let numbers: Vec<u64> = numbers.iter().map(|word| word.parse().unwrap()).collect();
                let [said, heard, waiting, awaited, speaking] = numbers[..] else {
                    panic!("{line}");
                };
                *progress.lock().unwrap() = Progress { said, heard, waiting, awaited, speaking };
            }
            ["died", name] => {
                died = KillPoint::ALL.into_iter().find(|point| point.name() == *name);
            }
            _ => eprintln!("{own}: {line}"),
        }
    }
    died
}

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/mortal-device");
    assert!(path.exists(), "{} is not built: run `make test`", path.display());
    path
}

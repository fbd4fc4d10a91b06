//! Messages and prompts in a stream, and a ledger of what became of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sysmaint_tests::{Web, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Between two direct messages.
const MESSAGES: Duration = Duration::from_millis(40);
/// Between two prompts.
const PROMPTS: Duration = Duration::from_millis(300);
/// After the last message.
const ARRIVES_WITHIN: Duration = Duration::from_mins(2);
/// The most that the API gives at once.
const HISTORY: usize = 500;

/// People at work, until they are stopped.
pub(crate) struct Traffic {
    web: Web,
    stop: CancellationToken,
    messages: JoinHandle<Vec<Said>>,
    prompts: JoinHandle<Vec<Said>>,
}

/// What was said, and what the API answered.
pub(crate) struct Ledger {
    web: Web,
    messages: Vec<Said>,
    prompts: Vec<Said>,
}

struct Said {
    text: String,
    at: Instant,
    fate: Fate,
}

enum Fate {
    /// With this id; it must arrive.
    Accepted(String),
    /// With a status of refusal; it must not arrive.
    Refused,
    /// The connection ended before an answer: it may arrive, once.
    Unknown,
}

impl Traffic {
    /// Alice writes to bob and asks the agent.
    pub(crate) fn start(web: &Web) -> Self {
        let stop = CancellationToken::new();
        let messages = tokio::spawn(repeat(stop.clone(), MESSAGES, web.clone(), say));
        let prompts = tokio::spawn(repeat(stop.clone(), PROMPTS, web.clone(), ask));
        Self { web: web.clone(), stop, messages, prompts }
    }

    /// Everybody stops.
    pub(crate) async fn stop(self) -> Ledger {
        self.stop.cancel();
        let (messages, prompts) = (self.messages.await.unwrap(), self.prompts.await.unwrap());
        Ledger { web: self.web, messages, prompts }
    }
}

impl Ledger {
    /// How many messages and prompts were accepted between two moments.
    pub(crate) fn accepted_between(&self, from: Instant, to: Instant) -> (usize, usize) {
        let count = |all: &[Said]| {
            let within = all.iter().filter(|said| said.at >= from && said.at < to);
            within.filter(|said| said.id().is_some()).count()
        };
        (count(&self.messages), count(&self.prompts))
    }

    /// Whatever was accepted arrived once, whatever was refused did not, and nothing else did;
    /// `other_prompts` were asked beside this traffic.
    pub(crate) async fn check(&self, other_prompts: usize) -> usize {
        self.check_messages().await;
        self.check_prompts(other_prompts).await
    }

    async fn check_messages(&self) {
        let wanted: BTreeMap<&str, &str> =
            self.messages.iter().filter_map(|said| Some((said.id()?, &*said.text))).collect();
        let mut missing = Vec::new();
        let all = eventually_or(async || {
            let received = self.web.received("bob").await?;
            let here: BTreeSet<&str> = received.iter().map(|(id, _)| &**id).collect();
            missing = wanted.iter().filter(|(id, _)| !here.contains(*id)).collect();
            missing.is_empty().then_some(received)
        })
        .await;
        let link = self.web.get("/api/status/link").await;
        let Some(received) = all else { panic!("not at bob: {missing:?}; link: {link:?}") };
        let ids: BTreeSet<_> = received.iter().map(|(id, _)| id).collect();
        let texts: BTreeSet<_> = received.iter().map(|(_, text)| text).collect();
        assert_eq!(ids.len(), received.len(), "a message arrived twice");
        assert_eq!(texts.len(), received.len(), "a text arrived under two ids");
        let fates: BTreeMap<_, _> =
            self.messages.iter().map(|said| (&*said.text, &said.fate)).collect();
        for (id, text) in &received {
            match fates.get(&**text) {
                Some(Fate::Accepted(known)) => assert_eq!(known, id, "{text}"),
                Some(Fate::Unknown) => {}
                Some(Fate::Refused) => panic!("{text} was refused and arrived"),
                None => panic!("{text} was never said"),
            }
        }
        eprintln!("messages: {}, all of them once", tally(&self.messages, received.len()));
    }

    /// Returns how many prompts the history holds.
    async fn check_prompts(&self, other_prompts: usize) -> usize {
        let wanted: BTreeSet<&str> = self.prompts.iter().filter_map(Said::id).collect();
        let entries = eventually("an answer to every prompt", async || {
            let history = self.web.get(&format!("/api/chat/history?limit={HISTORY}")).await?;
            let entries = history["entries"].as_array()?.clone();
            entries.iter().all(|entry| entry["reply"].is_string()).then_some(entries)
        })
        .await;
        assert!(entries.len() < HISTORY, "the history holds more than this test can see");
        let ids: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["id"].as_str()).collect();
        assert!(wanted.is_subset(&ids), "accepted prompts are missing in the history");
        let asked: BTreeSet<&str> = self.prompts.iter().map(|said| &*said.text).collect();
        let known: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry["prompt"].as_str())
            .filter(|prompt| asked.contains(prompt))
            .collect();
        let once: BTreeSet<_> = known.iter().collect();
        assert_eq!(once.len(), known.len(), "a prompt stands there twice");
        let unknown = self.prompts.iter().filter(|said| matches!(said.fate, Fate::Unknown)).count();
        let most = wanted.len() + unknown;
        assert!((wanted.len()..=most).contains(&known.len()), "refused prompts were asked");
        assert!(entries.len() >= known.len() + other_prompts);
        eprintln!("prompts: {}, all answered", tally(&self.prompts, known.len()));
        entries.len()
    }
}

impl Said {
    fn id(&self) -> Option<&str> {
        match &self.fate {
            Fate::Accepted(id) => Some(id),
            Fate::Refused | Fate::Unknown => None,
        }
    }
}

/// `None` after half a minute without an answer.
async fn eventually_or<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let asked = Instant::now();
    while asked.elapsed() < ARRIVES_WITHIN {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

fn tally(all: &[Said], arrived: usize) -> String {
    let count = |wanted: fn(&Fate) -> bool| all.iter().filter(|said| wanted(&said.fate)).count();
    format!(
        "{} accepted, {} refused, {} without an answer; {arrived} arrived",
        count(|fate| matches!(fate, Fate::Accepted(_))),
        count(|fate| matches!(fate, Fate::Refused)),
        count(|fate| matches!(fate, Fate::Unknown)),
    )
}

async fn repeat(
    stop: CancellationToken,
    every: Duration,
    web: Web,
    once: impl AsyncFn(&Web, usize) -> Said,
) -> Vec<Said> {
    let mut all = Vec::new();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        ticks.tick().await;
        all.push(once(&web, all.len()).await);
    }
    all
}

async fn say(web: &Web, number: usize) -> Said {
    let text = format!("message {number}");
    let body = json!({ "from": "alice", "to": "bob", "text": text });
    let answer = web.post("/api/e2ee/send", &body).await;
    Said { text, at: Instant::now(), fate: Fate::of(answer) }
}

/// Without waiting for the answer.
async fn ask(web: &Web, number: usize) -> Said {
    let text = format!("what is the load? (question {number})");
    let answer = web.post_and_leave("/api/chat", &json!({ "prompt": text })).await;
    Said { text, at: Instant::now(), fate: Fate::of(answer) }
}

impl Fate {
    fn of(answer: Option<(u16, Value)>) -> Self {
        match answer {
            Some((202, body)) => Self::Accepted(body["id"].as_str().unwrap().to_owned()),
            Some(_) => Self::Refused,
            None => Self::Unknown,
        }
    }
}

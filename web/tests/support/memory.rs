//! A backend without a device: everything in memory, seals made of noise. For tests and for
//! looking at the pages; no part of the product.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use sysmaint_protocol::{
    Alert, ContentId, DeviceId, Handle, Timestamp, TransferId,
    body::{Answer, Usage},
    subject::Mailbox,
};
use sysmaint_store::{History, Metric};
use sysmaint_web::backend::{
    Backend, BackendError, ChatEntry, Delivery, DirectMessage, DraftPart, Event, Fault, Happening,
    HostStatus, Key, LinkState, Point, Range, Safety, SafetyNumber, Seen, Trail, What, Window,
};
use tokio::sync::broadcast;

use crate::plausible::{answer, envelope, id, noise};

/// How the pretended agent behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// Never answers.
    Silent,
    /// Answers after this long, going through all states.
    Answers(Duration),
}

/// The backend; a clone is the same one.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    agent: Agent,
    people: [Handle; 2],
    events: broadcast::Sender<Event>,
    wire: broadcast::Sender<Seen>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ids: u64,
    chat: Vec<ChatEntry>,
    fresh: Vec<bool>,
    inboxes: HashMap<Handle, Vec<DirectMessage>>,
    hosts: Vec<HostStatus>,
    alerts: Vec<Alert>,
    usage: Usage,
    link: LinkState,
    safety: Vec<Safety>,
    asked: Vec<(Window, Vec<Metric>)>,
    trails: Vec<Trail>,
}

impl Memory {
    pub fn new(agent: Agent, people: [Handle; 2]) -> Self {
        let link = LinkState { connected: true, last_out: Some(now()), ..LinkState::default() };
        let shared = Shared {
            agent,
            people,
            events: broadcast::channel(256).0,
            wire: broadcast::channel(256).0,
            state: Mutex::new(State { link, ..State::default() }),
        };
        Self { shared: Arc::new(shared) }
    }

    pub fn show_alert(&self, alert: Alert) {
        self.state().alerts.insert(0, alert.clone());
        self.tell(Event::Alert(Arc::new(alert)));
    }

    pub fn show_host(&self, status: HostStatus) {
        let mut state = self.state();
        state.hosts.retain(|known| known.host != status.host);
        state.hosts.push(status.clone());
        state.hosts.sort_by(|one, other| one.host.cmp(&other.host));
        state.link.last_in = Some(now());
        drop(state);
        self.tell(Event::Host(Arc::new(status)));
    }

    pub fn set_link(&self, link: LinkState) {
        self.state().link = link;
        self.tell(Event::Link(link));
    }

    /// Lets alice and the agent have met.
    pub fn meet(&self, key: Key) {
        let number = |first: u32| SafetyNumber {
            groups: (first..first + 12)
                .map(|group| format!("{:05}", group * 7919 % 100_000))
                .collect(),
            scannable: (0..82).map(|at| noise(first.into(), at).to_be_bytes()[0]).collect(),
        };
        let changed = (key == Key::Changed).then(|| number(5));
        let safety = Safety { device_id: DeviceId::FIRST, key, number: number(1), changed };
        self.state().safety = vec![safety];
    }

    /// How many listen to events now.
    pub fn listeners(&self) -> usize {
        self.shared.events.receiver_count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    fn tell(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.shared.events.send(event);
    }

    fn publish(&self, to: &Handle, seed: u64, size: usize) {
        let subject = Mailbox::new(to.clone(), DeviceId::FIRST).sealed();
        let headers = vec![("Nats-Msg-Id".to_owned(), id(seed ^ 0xffff).to_string())];
        let bytes = envelope(seed, size).into();
        let _ = self.shared.wire.send(Seen { subject, bytes, at: now(), headers });
    }

    /// What the link would hold.
    fn keep_back(&self, id: ContentId, from: &Handle, to: &Handle, text: String, fault: Fault) {
        let what = if fault == Fault::Drop { What::Dropped } else { What::Delayed };
        let envelope = TransferId::from_bytes(*id.as_bytes());
        let trail = Trail {
            id,
            from: Some(from.clone()),
            to: to.clone(),
            at: now(),
            fault: Some(fault),
            held: true,
            text: Some(text),
            events: vec![Happening { at: now(), envelope, what }],
        };
        self.state().trails.push(trail.clone());
        self.tell(Event::Trail(Arc::new(trail)));
    }

    fn next_id(&self) -> ContentId {
        let mut state = self.state();
        state.ids += 1;
        id(state.ids)
    }

    fn advance(&self, id: ContentId, change: impl FnOnce(&mut ChatEntry)) {
        let mut state = self.state();
        let entry = state.chat.iter_mut().find(|entry| entry.id == id).unwrap();
        change(entry);
        let entry = Arc::new(entry.clone());
        drop(state);
        self.tell(Event::Chat(entry));
    }

    async fn play(self, id: ContentId, prompt: String, time: Duration) {
        tokio::time::sleep(time / 8).await;
        self.advance(id, |entry| {
            (entry.state, entry.sent_at) = (Delivery::Sent, Some(now()));
        });
        tokio::time::sleep(time / 8).await;
        self.advance(id, |entry| {
            (entry.state, entry.delivered_at) = (Delivery::Delivered, Some(now()));
        });
        tokio::time::sleep(time * 3 / 4).await;
        let usage = self.count();
        let answer = answer(&prompt, usage, time);
        for (seq, half) in (1..).zip([&answer.text[..4], &answer.text[4..20]]) {
            let part = DraftPart { id, attempt: 7, seq, text: half.to_owned() };
            self.tell(Event::Draft(Arc::new(part)));
        }
        self.finish(id, answer);
        self.tell(Event::Usage(usage));
    }

    fn finish(&self, id: ContentId, answer: Answer) {
        self.advance(id, |entry| {
            entry.state = Delivery::Answered;
            (entry.answered_at, entry.answer) = (Some(now()), Some(answer));
        });
    }

    /// Of each prompt whether it began a new conversation.
    pub fn fresh(&self) -> Vec<bool> {
        self.state().fresh.clone()
    }

    /// What charts have been asked for.
    pub fn asked(&self) -> Vec<(Window, Vec<Metric>)> {
        self.state().asked.clone()
    }

    fn count(&self) -> Usage {
        let mut state = self.state();
        state.usage.input_tokens += 1840;
        state.usage.output_tokens += 212;
        state.usage.cost_usd += 0.000_403;
        state.usage.answers += 1;
        state.usage
    }
}

#[async_trait]
impl Backend for Memory {
    async fn ask(&self, prompt: String, fresh: bool) -> Result<ContentId, BackendError> {
        self.state().fresh.push(fresh);
        let id = self.next_id();
        let entry = ChatEntry {
            id,
            prompt: prompt.clone(),
            state: Delivery::Sealed,
            sealed_at: now(),
            sent_at: None,
            delivered_at: None,
            answered_at: None,
            answer: None,
            draft: None,
        };
        self.state().chat.push(entry.clone());
        self.tell(Event::Chat(Arc::new(entry)));
        if let Agent::Answers(time) = self.shared.agent {
            tokio::spawn(self.clone().play(id, prompt, time));
        }
        Ok(id)
    }

    async fn stop(&self, id: ContentId) -> Result<(), BackendError> {
        let entry = Backend::answer(self, id, Duration::ZERO).await?;
        if entry.answer.is_some() {
            return Err(BackendError::Conflict("the answer is here already".to_owned()));
        }
        let usage = self.count();
        let stopped = Answer { stopped: true, ..answer(&entry.prompt, usage, Duration::ZERO) };
        self.finish(id, stopped);
        Ok(())
    }

    async fn answer(&self, id: ContentId, wait: Duration) -> Result<ChatEntry, BackendError> {
        let mut events = self.events();
        let until = tokio::time::Instant::now() + wait;
        loop {
            let found = self.state().chat.iter().find(|entry| entry.id == id).cloned();
            let entry = found.ok_or(BackendError::NotFound("no prompt has this id".to_owned()))?;
            let time_is_up = tokio::time::timeout_at(until, events.recv());
            if entry.answer.is_some() || time_is_up.await.is_err() {
                return Ok(entry);
            }
        }
    }

    async fn safety(&self) -> Result<Vec<Safety>, BackendError> {
        Ok(self.state().safety.clone())
    }

    async fn chat_history(&self, limit: usize) -> Result<Vec<ChatEntry>, BackendError> {
        let state = self.state();
        Ok(state.chat[state.chat.len().saturating_sub(limit)..].to_vec())
    }

    async fn send(
        &self,
        from: &Handle,
        to: &Handle,
        text: String,
        fault: Option<Fault>,
    ) -> Result<ContentId, BackendError> {
        if !self.shared.people.contains(to) {
            return Err(BackendError::NotFound(format!("{to} is not registered")));
        }
        let id = self.next_id();
        if let Some(fault @ (Fault::Drop | Fault::Reorder)) = fault {
            self.keep_back(id, from, to, text, fault);
            return Ok(id);
        }
        let mut state = self.state();
        let seed = state.ids;
        let inbox = state.inboxes.entry(to.clone()).or_default();
        let cursor = inbox.len() as u64 + 1;
        let size = 512 * (1 + text.len() / 512).next_power_of_two();
        let message = DirectMessage { cursor, id, from: from.clone(), text, sent_at: now() };
        inbox.push(message.clone());
        drop(state);
        self.publish(to, seed, size);
        self.publish(from, seed + 1, 512);
        self.tell(Event::Direct { to: to.clone(), message: Arc::new(message) });
        Ok(id)
    }

    async fn pull(
        &self,
        reader: &Handle,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DirectMessage>, BackendError> {
        let state = self.state();
        let inbox = state.inboxes.get(reader).map(Vec::as_slice).unwrap_or_default();
        Ok(inbox.iter().filter(|message| message.cursor > after).take(limit).cloned().collect())
    }

    async fn trails(&self) -> Result<Vec<Trail>, BackendError> {
        Ok(self.state().trails.clone())
    }

    async fn release(&self, id: ContentId) -> Result<(), BackendError> {
        let mut state = self.state();
        let held = state.trails.iter_mut().find(|trail| trail.id == id && trail.held);
        let trail =
            held.ok_or_else(|| BackendError::NotFound(format!("nothing of {id} is held")))?;
        trail.held = false;
        let Trail { from: Some(from), to, text: Some(text), .. } = trail.clone() else {
            return Ok(());
        };
        let inbox = state.inboxes.entry(to).or_default();
        let cursor = inbox.len() as u64 + 1;
        inbox.push(DirectMessage { cursor, id, from, text, sent_at: now() });
        Ok(())
    }

    async fn hosts(&self) -> Result<Vec<HostStatus>, BackendError> {
        Ok(self.state().hosts.clone())
    }

    async fn alerts(&self, limit: usize) -> Result<Vec<Alert>, BackendError> {
        Ok(self.state().alerts.iter().take(limit).cloned().collect())
    }

    async fn alerts_in(
        &self,
        host: &Handle,
        Window { from, to }: Window,
        limit: usize,
    ) -> Result<Vec<Alert>, BackendError> {
        let in_window = |alert: &&Alert| {
            alert.host == *host
                && alert.since <= to
                && alert.until.is_none_or(|until| until >= from)
        };
        Ok(self.state().alerts.iter().filter(in_window).take(limit).cloned().collect())
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        Ok(self.state().usage)
    }

    async fn history(&self, host: &Handle, range: Range) -> Result<Vec<Point>, BackendError> {
        if self.state().hosts.iter().any(|status| status.host == *host) {
            Ok(crate::plausible::history(host, range, now()))
        } else {
            Err(BackendError::NotFound(format!("no sample of {host} has ever arrived")))
        }
    }

    async fn series(
        &self,
        host: &Handle,
        window: Window,
        metrics: Vec<Metric>,
    ) -> Result<History, BackendError> {
        self.state().asked.push((window, metrics.clone()));
        let status = self.state().hosts.iter().find(|status| status.host == *host).cloned();
        let status = status.ok_or_else(|| {
            BackendError::NotFound(format!("no sample of {host} has ever arrived"))
        })?;
        Ok(crate::plausible::series(&status.sample, window, &metrics))
    }

    fn now(&self) -> Timestamp {
        now()
    }

    async fn reset_usage(&self) -> Result<(), BackendError> {
        let usage = Usage { since: now(), ..Usage::default() };
        self.state().usage = usage;
        self.tell(Event::Usage(usage));
        Ok(())
    }

    async fn link(&self) -> Result<LinkState, BackendError> {
        Ok(self.state().link)
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    fn wire(&self) -> broadcast::Receiver<Seen> {
        self.shared.wire.subscribe()
    }
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

//! Who is logged in. In memory: after a restart everybody logs in again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// How long a login lasts, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request.
    pub idle: Duration,
    /// At the longest.
    pub whole: Duration,
    /// At a time. One more ends the one that was used the longest time ago.
    pub most: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: Duration::from_hours(12), whole: Duration::from_hours(7 * 24), most: 64 }
    }
}

/// All of them, by the digests of their tokens: what is kept opens nothing.
pub(super) struct Sessions {
    limits: SessionLimits,
    open: Mutex<HashMap<[u8; 32], Arc<Session>>>,
}

/// One of them.
pub(crate) struct Session {
    limits: SessionLimits,
    began: Instant,
    used: Mutex<Instant>,
    ended: CancellationToken,
}

impl Sessions {
    pub(super) fn new(limits: SessionLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    pub(super) const fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// A new one: its token, which is nowhere else.
    pub(super) fn open(&self, now: Instant) -> Zeroizing<String> {
        let token = Zeroizing::new(hex::encode(*Zeroizing::new(rand::random::<[u8; 32]>())));
        let session = Session {
            limits: self.limits,
            began: now,
            used: Mutex::new(now),
            ended: CancellationToken::new(),
        };
        let mut open = self.sessions();
        open.retain(|_, session| now < session.end());
        while open.len() >= self.limits.most.max(1) {
            let oldest = open.iter().min_by_key(|(_, session)| session.used());
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            remove(&mut open, &oldest);
        }
        open.insert(digest(&token), Arc::new(session));
        token
    }

    /// The session of a token, which it uses.
    pub(super) fn find(&self, token: &str, now: Instant) -> Option<Arc<Session>> {
        let mut open = self.sessions();
        let session = open.get(&digest(token))?;
        if now >= session.end() {
            remove(&mut open, &digest(token));
            return None;
        }
        session.use_at(now);
        Some(Arc::clone(session))
    }

    /// Ends a session, and with it what goes on in it.
    pub(super) fn end(&self, token: &str) {
        remove(&mut self.sessions(), &digest(token));
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Waits for its end.
    pub(crate) async fn over(self: Arc<Self>) {
        loop {
            let end = self.end();
            tokio::select! {
                () = self.ended.cancelled() => return,
                () = tokio::time::sleep_until(end.into()) => if self.end() <= end { return },
            }
        }
    }

    /// When it ends if it is not used again.
    fn end(&self) -> Instant {
        (self.began + self.limits.whole).min(self.used() + self.limits.idle)
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn use_at(&self, now: Instant) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = now.max(*used);
    }
}

/// Takes one out, and ends what goes on in it.
fn remove(open: &mut HashMap<[u8; 32], Arc<Session>>, key: &[u8; 32]) {
    if let Some(session) = open.remove(key) {
        session.ended.cancel();
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(most: usize) -> (Sessions, Instant) {
        (Sessions::new(SessionLimits { most, ..SessionLimits::default() }), Instant::now())
    }

    fn hours(count: u64) -> Duration {
        Duration::from_hours(count)
    }

    #[test]
    fn a_session_ends_when_it_is_not_used() {
        let (sessions, now) = stage(64);
        let token = sessions.open(now);
        let shortly = Duration::from_mins(12 * 60 - 1);
        assert!(sessions.find(&token, now + shortly).is_some());
        assert!(sessions.find(&token, now + shortly + hours(12)).is_none());
        assert!(
            sessions.find(&token, now + shortly).is_none(),
            "what has ended does not come back"
        );
    }

    #[test]
    fn a_session_ends_after_a_week_however_it_is_used() {
        let (sessions, now) = stage(64);
        let token = sessions.open(now);
        for hour in 0..7 * 24 {
            assert!(sessions.find(&token, now + hours(hour)).is_some(), "{hour}");
        }
        assert!(sessions.find(&token, now + hours(7 * 24)).is_none());
    }

    #[test]
    fn only_the_very_token_opens_its_session() {
        let (sessions, now) = stage(64);
        let token = sessions.open(now);
        assert_eq!(token.len(), 64);
        assert_ne!(*token, *sessions.open(now));
        for other in ["", &token[1..], &token.to_uppercase(), &hex::encode(digest(&token))] {
            assert!(sessions.find(other, now).is_none(), "{other:?}");
        }
        let kept: Vec<_> = sessions.sessions().keys().map(hex::encode).collect();
        assert!(kept.len() == 2 && !kept.contains(&token), "the token itself is kept");
    }

    #[test]
    fn one_too_many_ends_the_one_that_is_used_least() {
        let (sessions, now) = stage(2);
        let (first, second) = (sessions.open(now), sessions.open(now + hours(1)));
        assert!(sessions.find(&first, now + hours(2)).is_some());
        let third = sessions.open(now + hours(3));
        let there = |token| sessions.find(token, now + hours(3)).is_some();
        assert!(there(&first) && !there(&second) && there(&third));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_is_told_at_a_logout_and_at_the_end_of_time() {
        let (sessions, now) = stage(64);
        let token = sessions.open(now);
        let session = sessions.find(&token, now).unwrap();
        let waiting = tokio::spawn(session.over());
        sessions.end(&token);
        waiting.await.unwrap();

        let brief = SessionLimits { idle: Duration::from_millis(1), ..SessionLimits::default() };
        let sessions = Sessions::new(brief);
        let token = sessions.open(now);
        let session = sessions.find(&token, now).unwrap();
        session.over().await;
    }
}

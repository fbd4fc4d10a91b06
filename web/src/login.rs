//! Who may use the pages, where a socket to this server is not enough.
//!
//! One password opens a session, and a cookie names it. [`Password`] keeps the hash, [`sessions`]
//! who is in, [`throttle`] how often one may guess, [`gate`] what nobody sees without a session.

mod cookie;
mod gate;
mod local_path;
mod password;
mod sessions;
mod settings;
mod throttle;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use sysmaint_service::{
    http_server::{Peer, is_token},
    metrics::Metrics,
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub(crate) use self::{gate::require, local_path::local_path};
use self::{
    password::PasswordHash,
    sessions::{Session, Sessions},
    throttle::Throttle,
};
pub use self::{
    password::{Password, UnfitPassword},
    sessions::SessionLimits,
    settings::{Exposure, LoginMode, LoginSettings, UnknownLoginMode},
};
use crate::{Config, problem::Problem};

/// Hashes made at a time. One takes 16 MiB and a core for some hundredths of a second.
const HASHES_MAX: usize = 2;

/// The login of one server.
pub(crate) struct Login {
    mode: LoginMode,
    required: bool,
    secure: bool,
    password: Option<Arc<PasswordHash>>,
    operator_token: Option<SecretString>,
    sessions: Sessions,
    throttle: Throttle,
    hashing: Arc<Semaphore>,
    outcomes: Arc<Outcomes>,
}

/// How logins have ended since the start.
#[derive(Default)]
struct Outcomes {
    accepted: AtomicU64,
    wrong: AtomicU64,
    paused: AtomicU64,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is another password.
    Wrong,
    /// Too many were wrong; none is looked at for this long.
    Paused(Duration),
}

impl Login {
    /// As the settings want it. Makes the password's hash, and forgets its text.
    pub(crate) async fn new(config: &Config, secure: bool, metrics: &Metrics) -> Self {
        let LoginSettings { mode, password, operator_token, sessions } = config.login.clone();
        let required = config.requires_login();
        let password = match password {
            Some(password) => tokio::task::spawn_blocking(move || password.hash()).await.ok(),
            None => None,
        };
        let outcomes = Arc::new(Outcomes::default());
        outcomes.register(metrics);
        Self {
            mode,
            required,
            secure,
            password,
            operator_token,
            sessions: Sessions::new(sessions),
            throttle: Throttle::new(Instant::now()),
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            outcomes,
        }
    }

    pub(crate) const fn is_required(&self) -> bool {
        self.required
    }

    pub(crate) fn is_off(&self) -> bool {
        self.mode == LoginMode::Off
    }

    /// Opens a session for whoever knows the password: its cookie.
    pub(crate) async fn enter(
        &self,
        peer: Peer,
        headers: &HeaderMap,
        password: Zeroizing<String>,
    ) -> Result<HeaderValue, Refused> {
        let entered = self.attempt(peer, self.is_password(password)).await;
        self.outcomes.count(peer, entered);
        entered?;
        self.end_presented(headers);
        let token = self.sessions.open(Instant::now());
        let secure = self.secure || cookie::came_over_https(headers);
        Ok(cookie::set(&token, secure, self.sessions.limits().whole))
    }

    /// Ends the session, if there is one: what takes its cookie away.
    pub(crate) fn leave(&self, headers: &HeaderMap) -> HeaderValue {
        self.end_presented(headers);
        cookie::clear(self.secure || cookie::came_over_https(headers))
    }

    /// The session that a request belongs to.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Arc<Session>> {
        let now = Instant::now();
        cookie::presented(headers, self.secure).find_map(|token| self.sessions.find(token, now))
    }

    /// Whether there is a token that opens the numbers for Prometheus.
    const fn knows_operators(&self) -> bool {
        self.operator_token.is_some()
    }

    /// Lets the operator's token through. Guesses at it count as guesses at the password.
    async fn admit_operator(&self, peer: Peer, token: &str) -> Result<(), Refused> {
        let is_known = self.operator_token.as_ref().is_some_and(|known| is_token(known, token));
        let admitted = self.attempt(peer, std::future::ready(is_known)).await;
        if admitted == Err(Refused::Wrong) {
            tracing::warn!(%peer, "a wrong operator token");
        }
        admitted
    }

    /// One guess, counted before it is judged, so that guesses at the same time count too.
    async fn attempt(&self, peer: Peer, judge: impl Future<Output = bool>) -> Result<(), Refused> {
        self.throttle.admit(peer, Instant::now()).map_err(Refused::Paused)?;
        if !judge.await {
            return Err(Refused::Wrong);
        }
        self.throttle.succeeded(peer, Instant::now());
        Ok(())
    }

    async fn is_password(&self, text: Zeroizing<String>) -> bool {
        let Some(known) = self.password.clone() else { return false };
        let Ok(place) = Arc::clone(&self.hashing).acquire_owned().await else { return false };
        let judged = tokio::task::spawn_blocking(move || {
            // Also where the client has gone meanwhile, the place is free only after the work.
            let _place = place;
            known.is_of(&text)
        });
        judged.await.unwrap_or(false)
    }

    fn end_presented(&self, headers: &HeaderMap) {
        cookie::presented(headers, self.secure).for_each(|token| self.sessions.end(token));
    }
}

impl Outcomes {
    fn count(&self, peer: Peer, entered: Result<(), Refused>) {
        let counter = match entered {
            Ok(()) => {
                tracing::info!(%peer, "logged in");
                &self.accepted
            }
            Err(Refused::Wrong) => {
                tracing::warn!(%peer, "a wrong password");
                &self.wrong
            }
            // A flood must not fill the log.
            Err(Refused::Paused(_)) => &self.paused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn register(self: &Arc<Self>, metrics: &Metrics) {
        let outcomes = Arc::clone(self);
        metrics.counter("sysmaint_web_logins", "how logins ended", move |observe| {
            for (outcome, count) in [
                ("accepted", &outcomes.accepted),
                ("wrong", &outcomes.wrong),
                ("paused", &outcomes.paused),
            ] {
                observe(count.load(Ordering::Relaxed), &[("outcome", outcome)]);
            }
        });
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong => Self::wrong_password("it is not the one that this server was given"),
            Refused::Paused(pause) => Self::rate_limited(
                "too many passwords were wrong, so none is looked at for a while",
                pause,
            ),
        }
    }
}

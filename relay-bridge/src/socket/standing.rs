//! Whether a connection may still go on: its token is checked when it opens, and again and again.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sysmaint_protocol::{rest::Problem, subject::Mailbox, websocket::CloseReason};
use tokio::time::Instant;

use super::{Sockets, ending::End, pace::jittered, session::landed, sessions::Place};
use crate::directory::TokenHash;

/// A token's end is announced among bridges; one that missed it finds out within this time.
const CHECK_EVERY: Duration = Duration::from_mins(5);
/// The same, while the registry does not answer.
const CHECK_AGAIN: Duration = Duration::from_secs(5);

/// The right to be connected.
pub(super) struct Standing {
    token: TokenHash,
    at: Instant,
    checking: Option<BoxFuture<'static, Result<bool, Problem>>>,
    is_good: bool,
    is_announced: bool,
}

impl Standing {
    /// Not good until it was checked: the token may have been revoked after it was presented, and
    /// before the bridge could have passed the revocation on to this connection.
    pub(super) const fn new(token: TokenHash, now: Instant) -> Self {
        Self { token, at: now, checking: None, is_good: false, is_announced: false }
    }

    pub(super) const fn is_good(&self) -> bool {
        self.is_good
    }

    /// When to check next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.checking.is_none().then_some(self.at)
    }

    /// Revocations may have been missed.
    pub(super) fn again(&mut self, at: Instant) {
        self.checking = None;
        self.at = self.at.min(at);
    }

    /// Asks, and the first time also tells other bridges of the new connection.
    pub(super) fn check_if_due(&mut self, sockets: &Sockets, place: &Place, now: Instant) {
        if self.checking.is_some() || self.at > now {
            return;
        }
        let news = (!self.is_announced).then(|| place.announcement());
        self.is_announced = true;
        let (bus, directory) = (sockets.bus.clone(), sockets.directory.clone());
        let (own, token) = (place.own().clone(), self.token.clone());
        self.checking = Some(Box::pin(async move {
            if let Some(news) = news
                && let Err(error) = bus.notify(&own, news).await
            {
                tracing::debug!(%error, "a connection could not be announced");
            }
            let owner: Option<Mailbox> = directory.owner_of_token(&token).await?;
            Ok(owner == Some(own))
        }));
    }

    /// Waits for the answer; for ever if nothing was asked.
    pub(super) async fn checked(&mut self) -> Result<bool, Problem> {
        landed(&mut self.checking).await
    }

    /// Takes note of the answer, if one came.
    pub(super) fn judge(&mut self, valid: Option<bool>, now: Instant) -> Option<End> {
        match valid {
            Some(true) => {
                self.is_good = true;
                self.at = now + jittered(CHECK_EVERY);
                None
            }
            Some(false) => Some(End::Closed(CloseReason::Revoked)),
            None => {
                self.at = now + jittered(CHECK_AGAIN);
                None
            }
        }
    }
}

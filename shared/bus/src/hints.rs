//! What a bridge hears on behalf of its open connections: that something arrived for a device, and
//! what other bridges tell it. Two subscriptions serve all connections; whoever holds none of a
//! device's connections looks the device up in vain and forgets it.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use sysmaint_protocol::subject::{Mailbox, SESSIONS_ALL, WAKES_ALL};
use tokio::{sync::watch, time::Instant};

use crate::{Bus, connect::ANSWER_WITHIN, stored_mailbox::header};

/// Bytes of any notice; the largest has under a hundred.
const NOTICE_MAX: usize = 256;
/// [`Hint::Missed`] comes at most this often: everybody reads again then.
const MISSED_EVERY: Duration = Duration::from_secs(1);

/// One thing that was heard. Each is a hint: it may be lost, late, or about what is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An envelope was stored.
    Arrived {
        /// For whom.
        mailbox: Mailbox,
        /// Under which number of its stream.
        sequence: u64,
    },
    /// A bridge, perhaps this one, says something of a device's connections.
    Notice {
        /// Whose.
        device: Mailbox,
        /// What.
        notice: SessionNotice,
    },
    /// Anything may have been missed: the connection to the broker was away, or too much came.
    Missed,
}

/// What bridges tell each other about a device's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum SessionNotice {
    /// A connection was opened; older ones of the device end.
    Opened {
        /// Random, of the bridge that holds it.
        bridge: u64,
        /// Random, of the connection.
        session: u64,
    },
    /// A token is worthless now; connections that were opened with it end.
    Revoked {
        /// Tells tokens of a device apart, and no more.
        token: u64,
    },
}

/// Nothing can be heard or said.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the bridges' common subjects: {0}")]
pub struct HintsError(String);

/// Everything that is heard, from the moment on at which this was made.
#[derive(Debug)]
pub struct Hints {
    wakes: Subscriber,
    notices: Subscriber,
    gaps: watch::Receiver<u64>,
    missed_from: Instant,
}

impl Bus {
    /// Starts to listen for all devices. Only the relay may.
    pub async fn hints(&self) -> Result<Hints, HintsError> {
        let gaps = self.gaps();
        let subscribe = async |subject: &'static str| {
            self.client.subscribe(subject).await.map_err(|error| HintsError(error.to_string()))
        };
        let (wakes, notices) = (subscribe(WAKES_ALL).await?, subscribe(SESSIONS_ALL).await?);
        Ok(Hints { wakes, notices, gaps, missed_from: Instant::now() })
    }

    /// Tells every bridge, this one included. Only the relay may. Nobody confirms it.
    pub async fn notify(&self, device: &Mailbox, notice: SessionNotice) -> Result<(), HintsError> {
        let failed = |error: &dyn std::fmt::Display| HintsError(error.to_string());
        let payload = serde_json::to_vec(&notice).map_err(|error| failed(&error))?;
        let published = self.client.publish(device.session(), payload.into());
        tokio::time::timeout(ANSWER_WITHIN, published)
            .await
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))
    }
}

impl Hints {
    /// Waits for the next. `None` when the connection was closed for good.
    pub async fn next(&mut self) -> Option<Hint> {
        loop {
            let hint = tokio::select! {
                biased;
                message = self.notices.next() => notice(&message?),
                message = self.wakes.next() => arrival(&message?),
                () = gap(&mut self.gaps, self.missed_from) => {
                    self.missed_from = Instant::now() + MISSED_EVERY;
                    Some(Hint::Missed)
                }
            };
            if hint.is_some() {
                return hint;
            }
        }
    }
}

/// Waits for the first gap after a moment.
async fn gap(gaps: &mut watch::Receiver<u64>, from: Instant) {
    tokio::time::sleep_until(from).await;
    if gaps.changed().await.is_err() {
        // The connection is gone, and with it the subscriptions, which say so.
        std::future::pending::<()>().await;
    }
}

fn arrival(message: &Message) -> Option<Hint> {
    let mailbox = Mailbox::of_wake(&message.subject)?;
    let sequence = header(message, "Nats-Sequence")?;
    Some(Hint::Arrived { mailbox, sequence })
}

fn notice(message: &Message) -> Option<Hint> {
    let device = Mailbox::of_session(&message.subject)?;
    Some(Hint::Notice { device, notice: parse(&message.payload)? })
}

fn parse(payload: &[u8]) -> Option<SessionNotice> {
    let notice = (payload.len() <= NOTICE_MAX).then(|| serde_json::from_slice(payload).ok());
    let notice = notice.flatten();
    if notice.is_none() {
        tracing::warn!("another bridge sent what this version does not understand");
    }
    notice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_comes_back_and_nothing_else_is_one() {
        let opened = SessionNotice::Opened { bridge: u64::MAX, session: 7 };
        for notice in [opened, SessionNotice::Revoked { token: 1 }] {
            let text = serde_json::to_vec(&notice).unwrap();
            assert!(text.len() <= 100);
            assert_eq!(parse(&text), Some(notice));
        }
        for wrong in [
            "",
            "{}",
            r#"{"event":"opened","bridge":1}"#,
            r#"{"event":"opened","bridge":-1,"session":1}"#,
            r#"{"event":"revoked","token":1,"more":1}"#,
            r#"{"event":"gone","token":1}"#,
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
        let mut long = br#"{"event":"revoked","token":1}"#.to_vec();
        long.resize(NOTICE_MAX + 1, b' ');
        assert_eq!(parse(&long), None);
    }
}

//! How a connection ends: what was begun is finished, the reason is said, the line is closed.

use std::time::Duration;

use axum::extract::ws::WebSocket;
use futures_util::{StreamExt as _, stream::SplitStream};
use sysmaint_protocol::websocket::CloseReason;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

use super::session::{Session, landed};

/// How long what was begun may take.
const FINISH: Duration = Duration::from_secs(4);
/// The same where the whole bridge stops.
const FINISH_STOPPING: Duration = Duration::from_millis(1500);
/// How long the last words may take, and then the client's own.
const FAREWELL: Duration = Duration::from_millis(500);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The relay ends it.
    Closed(CloseReason),
    /// The client has left.
    Gone,
}

/// Tells a client that breaks the rules from one that is gone.
pub(super) fn broken(error: axum::Error) -> End {
    match error.into_inner().downcast_ref() {
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_)) => {
            End::Closed(CloseReason::Violation)
        }
        _ => End::Gone,
    }
}

impl Session {
    /// Ends the connection. What the client is not told of in time it finds in its mailbox, or
    /// sends again.
    pub(super) async fn end(mut self, end: End, mut incoming: SplitStream<WebSocket>) {
        self.line.drop_deliveries();
        let patience = match end {
            End::Closed(CloseReason::ShuttingDown) => FINISH_STOPPING,
            End::Closed(_) | End::Gone => FINISH,
        };
        let mut is_open = end != End::Gone;
        let finish = self.finish(&mut is_open);
        if tokio::time::timeout(patience, finish).await.is_err() {
            tracing::debug!("a connection ended before its last answers");
        }
        let End::Closed(reason) = end else { return };
        if !is_open {
            return;
        }
        self.line.close(reason);
        let last_words = async {
            while self.line.has_output() {
                self.line.advance().await?;
            }
            Ok::<_, axum::Error>(())
        };
        let said = tokio::time::timeout(FAREWELL, last_words).await;
        if matches!(said, Ok(Ok(()))) {
            // With unread bytes in the way, closing would take back what was just said.
            let silence = async { while let Some(Ok(_)) = incoming.next().await {} };
            let _waited_long_enough = tokio::time::timeout(FAREWELL, silence).await;
        }
    }

    /// Waits for envelopes that are on their way and removes what was acknowledged.
    async fn finish(&mut self, is_open: &mut bool) {
        loop {
            if self.removing.is_none() && self.window.acknowledged() > 0 {
                let own = self.place.own();
                self.removing = self.remover.remove(&self.sockets, own, &mut self.window);
            }
            if self.removing.is_none() && self.outbox.is_empty() {
                return;
            }
            tokio::select! {
                removed = landed(&mut self.removing) => {
                    let failed = removed.is_err();
                    self.removed(removed, Instant::now());
                    if failed {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
                answer = self.outbox.next() => self.line.say(&answer),
                written = self.line.advance(), if *is_open && self.line.has_output() => {
                    *is_open = written.is_ok();
                }
            }
        }
    }
}

//! Being connected: again and again, to whichever bridge is there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sysmaint_protocol::{
    subject::Mailbox,
    websocket::{CloseReason, SUBPROTOCOL},
};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        Error,
        client::IntoClientRequest as _,
        http::{
            HeaderValue, StatusCode,
            header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
        },
    },
};

use super::{
    Command, frames,
    ledger::Ledger,
    session::{End, serve},
};
use crate::{
    RelayClient,
    backoff::Backoff,
    relay_client::{CONNECT_WITHIN, Token},
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A session that lasted this long was a good one: the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(5);
/// After another connection of the same device took over; doubled each time, so that two
/// processes of one device do not take turns for ever.
const STAND_BY: Duration = Duration::from_secs(5);
const LONGEST_STAND_BY: Duration = Duration::from_mins(2);
/// A session that lasted this long has nobody beside it.
const ALONE: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Runs until the mailbox is dropped.
pub(super) async fn keep_connected(
    client: RelayClient,
    own: Mailbox,
    ledger: Arc<Ledger>,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut patience = Patience::new();
    while !commands.is_closed() {
        let token = client.token().await;
        let (_, mark) = client.bridge();
        let began = Instant::now();
        let end = match connect(&client, &own, &token).await {
            Ok(socket) => {
                tracing::debug!("connected to the relay");
                let session = ledger.begin();
                let end = serve(socket, &ledger, session, &mut commands).await;
                ledger.end();
                // Whoever waits in the queue is told at once and may ask again.
                while commands.try_recv().is_ok() {}
                end
            }
            Err(end) => end,
        };
        if let End::Unauthorized | End::Closed(CloseReason::Revoked) = end {
            tracing::info!("the relay does not know this device's token any more");
            client.token_refused(&token);
        } else if !matches!(end, End::Closed(CloseReason::Replaced)) {
            client.pass_over(mark);
        }
        if matches!(end, End::Closed(CloseReason::Replaced)) {
            ledger.stand_by();
        }
        tokio::time::sleep(patience.pause(&end, began.elapsed())).await;
    }
}

/// How long to wait until the next attempt.
struct Patience {
    lost: Backoff,
    replaced: Backoff,
    stands_by: bool,
}

impl Patience {
    const fn new() -> Self {
        Self {
            lost: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            replaced: Backoff::new(STAND_BY.saturating_mul(2), LONGEST_STAND_BY),
            stands_by: false,
        }
    }

    fn pause(&mut self, end: &End, lasted: Duration) -> Duration {
        if lasted >= GOOD {
            self.lost.reset();
        }
        if lasted >= ALONE && self.stands_by {
            self.stands_by = false;
            self.replaced.reset();
        }
        match end {
            End::Closed(CloseReason::Replaced) => {
                if !self.stands_by {
                    self.stands_by = true;
                    tracing::warn!(
                        "another connection of this device took over its mailbox; standing by. \
                         Two processes must not share one device: stop one of them"
                    );
                }
                // A random half to all of it: at least what STAND_BY says.
                self.replaced.next()
            }
            End::Closed(CloseReason::Violation) => {
                tracing::warn!("the relay says that this client breaks its rules; is it newer?");
                LONGEST_PAUSE
            }
            End::Closed(reason) => {
                tracing::debug!(?reason, "the relay closed the connection");
                self.lost.next()
            }
            End::Lost(reason) => {
                if self.lost.should_warn() && lasted < GOOD {
                    tracing::warn!(reason, "the relay cannot be reached; trying on");
                } else {
                    tracing::debug!(reason, "the connection to the relay was lost");
                }
                self.lost.next()
            }
            End::Unauthorized => self.lost.next(),
        }
    }
}

async fn connect(client: &RelayClient, own: &Mailbox, token: &Token) -> Result<Socket, End> {
    let lost = |reason: String| End::Lost(reason);
    let (bridge, _) = client.bridge();
    let address = bridge.socket(&own.to_string());
    let mut request = address.into_client_request().map_err(|error| lost(error.to_string()))?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.as_str()))
        .map_err(|_| End::Unauthorized)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    let tls = Connector::Rustls(client.tls());
    let connected = connect_async_tls_with_config(request, Some(frames::bounds()), true, Some(tls));
    match tokio::time::timeout(CONNECT_WITHIN, connected).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(answer))) if answer.status() == StatusCode::UNAUTHORIZED => {
            Err(End::Unauthorized)
        }
        Ok(Err(Error::Http(answer))) => Err(lost(format!(
            "the relay's address answers with status {} instead of a websocket",
            answer.status().as_u16()
        ))),
        Ok(Err(error)) => Err(lost(error.to_string())),
        Err(_) => Err(lost(format!("no connection within {} s", CONNECT_WITHIN.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_one_device_do_not_take_turns_in_haste() {
        let mut patience = Patience::new();
        let replaced = End::Closed(CloseReason::Replaced);
        let pauses: Vec<_> =
            (0..6).map(|_| patience.pause(&replaced, Duration::from_secs(5))).collect();
        assert!(pauses.iter().all(|pause| *pause >= STAND_BY), "{pauses:?}");
        assert!(pauses[5] >= LONGEST_STAND_BY / 2, "{pauses:?}");
    }

    #[test]
    fn after_a_good_session_the_next_attempt_comes_soon() {
        let mut patience = Patience::new();
        let lost = End::Lost(String::new());
        for _ in 0..20 {
            patience.pause(&lost, Duration::ZERO);
        }
        assert!(patience.pause(&lost, Duration::ZERO) > Duration::from_secs(5));
        assert!(patience.pause(&lost, GOOD) <= FIRST_PAUSE);
    }
}

//! The end of a process: asked for once in peace, twice by force.

use std::{future::Future, io, io::Write as _, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::exit::Exit;

/// Turns SIGINT and SIGTERM into a cancelled token; a second signal ends the process at once.
#[derive(Debug)]
pub struct Shutdown {
    token: CancellationToken,
    _listener: AbortOnDropHandle<()>,
}

/// Something did not finish in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} took longer than {limit:?}")]
pub struct DeadlinePassed {
    what: &'static str,
    limit: Duration,
}

impl Shutdown {
    /// Listens from now on. Must be called inside a tokio runtime; dropping the value ends the
    /// listening, after which signals have no effect.
    pub fn on_signals() -> io::Result<Self> {
        let token = CancellationToken::new();
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let listener = tokio::spawn(listen(signals, token.clone()));
        Ok(Self { token, _listener: AbortOnDropHandle::new(listener) })
    }

    /// The token that the first signal cancels.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

/// Waits for `future`, but no longer than `limit`.
pub async fn deadline<F: Future>(
    what: &'static str,
    limit: Duration,
    future: F,
) -> Result<F::Output, DeadlinePassed> {
    tokio::time::timeout(limit, future).await.map_err(|_| DeadlinePassed { what, limit })
}

async fn listen((mut interrupt, mut terminate): (Signal, Signal), token: CancellationToken) {
    let name = either(&mut interrupt, &mut terminate).await;
    tracing::info!(signal = name, "shutting down");
    token.cancel();
    either(&mut interrupt, &mut terminate).await;
    // Not a log line: it must be seen at every log level. If stderr is gone, so is its reader.
    let _ = writeln!(io::stderr(), "second signal: stopping at once, without a clean shutdown");
    std::process::exit(Exit::Interrupted.code().into());
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_names_what_was_late() {
        let limit = Duration::from_millis(20);
        let late = deadline("closing the store", limit, std::future::pending::<()>()).await;
        assert_eq!(late.unwrap_err().to_string(), "closing the store took longer than 20ms");
        assert_eq!(deadline("nothing", limit, std::future::ready(7)).await, Ok(7));
    }
}

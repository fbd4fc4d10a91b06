//! Whether the relay answers. The bus may be there without it.

use std::time::Duration;

use sysmaint_bus::{Directory as _, DirectoryError, NatsDirectory};

use super::SealedBackend;

/// Between two questions: while all is well, and while it is not.
const EVERY: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(5);
/// Then it does not answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Asks again and again. Runs until it is dropped.
pub(super) async fn ask(backend: &SealedBackend) {
    let directory = NatsDirectory::new(backend.inner.bus.clone());
    let own = backend.inner.alice.mailbox();
    loop {
        let answers = if backend.inner.bus.is_connected() {
            // What is asked does not matter, so it is what costs the least and takes no key.
            let asked = tokio::time::timeout(WITHIN, directory.prekey_stock(&own)).await;
            Some(asked.is_ok_and(|answer| is_answer(answer.as_ref().err())))
        } else {
            None
        };
        backend.inner.relay.send_replace(answers);
        tokio::time::sleep(if answers == Some(true) { EVERY } else { AGAIN }).await;
    }
}

/// A refusal is one, too.
const fn is_answer(error: Option<&DirectoryError>) -> bool {
    !matches!(error, Some(DirectoryError::Unreachable(_)))
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::rest::Problem;

    use super::*;

    #[test]
    fn only_silence_is_no_answer() {
        let refused = DirectoryError::Refused(Problem {
            kind: "urn:sysmaint:unknown-identity".to_owned(),
            title: "unknown".to_owned(),
            status: 404,
            detail: String::new(),
        });
        assert!(is_answer(None) && is_answer(Some(&refused)));
        assert!(!is_answer(Some(&DirectoryError::Unreachable("no relay".to_owned()))));
    }
}

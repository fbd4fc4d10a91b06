//! An answer while it is made: how it is followed, and how it is stopped.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What links an answer in the making with whoever waits for it.
#[derive(Debug)]
pub struct Live {
    said: watch::Sender<Said>,
    stop: CancellationToken,
}

/// What was said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Names the turn in which it was said. A later turn has a higher number and says it anew.
    pub attempt: u64,
    /// All of that turn's text so far.
    pub text: String,
}

impl Live {
    /// Turns are numbered from `attempt` on, and `stop` ends them.
    pub fn new(attempt: u64, stop: CancellationToken) -> Self {
        let said = Said { attempt, text: String::new() };
        Self { said: watch::Sender::new(said), stop }
    }

    /// For an answer that nobody follows.
    pub fn alone() -> Self {
        Self::new(0, CancellationToken::new())
    }

    /// What is said, as it grows.
    pub fn follow(&self) -> watch::Receiver<Said> {
        self.said.subscribe()
    }

    /// A new turn begins: what was said before does not belong to the answer.
    pub(crate) fn begin(&self) {
        self.said.send_if_modified(|said| {
            let spoken = !said.text.is_empty();
            if spoken {
                *said = Said { attempt: said.attempt.saturating_add(1), text: String::new() };
            }
            spoken
        });
    }

    /// More of the turn.
    pub(crate) fn say(&self, text: &str) {
        if !text.is_empty() {
            self.said.send_modify(|said| said.text.push_str(text));
        }
    }

    /// What the turn has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.borrow().text.clone()
    }

    /// Waits until the answer is not wanted any more.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether that is so.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_turn_that_said_something_is_followed_by_another_number() {
        let live = Live::new(7, CancellationToken::new());
        live.begin();
        live.say("Let me ");
        live.say("look.");
        let said = |attempt, text: &str| Said { attempt, text: text.to_owned() };
        assert_eq!(*live.follow().borrow(), said(7, "Let me look."));
        live.begin();
        live.begin();
        assert_eq!(*live.follow().borrow(), said(8, ""));
    }
}

//! An answer that is printed while it is made.

use std::convert::Infallible;

use sysmaint_endpoint::{Activity, Endpoint, Ephemeral};
use sysmaint_protocol::{
    ContentId, Handle, Kind,
    body::{self, Delta},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::own_device::printable;

/// What of an answer is on the terminal already.
#[derive(Debug, Default)]
pub(super) struct Growing {
    attempt: u64,
    seq: u32,
    shown: String,
    /// Something was lost, or begun anew: what is shown is not the answer's beginning.
    broken: bool,
}

impl Growing {
    /// Prints what the agent says about a prompt, until it is dropped.
    pub(super) async fn print_all(
        &mut self,
        endpoint: &Endpoint,
        activity: &mut Receiver<Activity>,
        agent: &Handle,
        prompt: ContentId,
    ) -> Infallible {
        loop {
            match activity.recv().await {
                Ok(Activity::Ephemeral(message)) => {
                    let sender = endpoint.handle_of(message.sender).await;
                    if matches!(sender, Ok(Some(sender)) if sender == *agent)
                        && let Some(delta) = delta_of(&message, prompt)
                    {
                        print(&self.add(&delta));
                    }
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.broken = true,
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }

    /// Takes a part in; what is to be printed for it.
    fn add(&mut self, delta: &Delta) -> String {
        let goes_on = self.shown.is_empty() || delta.attempt == self.attempt;
        self.broken |= !goes_on || delta.seq != self.seq.saturating_add(1);
        if self.broken {
            return String::new();
        }
        (self.attempt, self.seq) = (delta.attempt, delta.seq);
        self.shown.push_str(&delta.text);
        printable(&delta.text)
    }

    /// What is left to print of the whole answer.
    pub(super) fn rest(&self, answer: &str) -> String {
        if self.shown.is_empty() {
            return printable(answer);
        }
        match answer.strip_prefix(self.shown.trim_start()) {
            Some(rest) => printable(rest),
            None if answer == self.shown.trim() => String::new(),
            // The answer is another one than was begun.
            None => format!("\n\n{}", printable(answer)),
        }
    }
}

fn delta_of(message: &Ephemeral, prompt: ContentId) -> Option<Delta> {
    let about = message.kind == Kind::Delta && message.in_reply_to == Some(prompt);
    about.then(|| body::decode(&message.body).ok()).flatten()
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(text: &str) {
    use std::io::Write as _;
    print!("{text}");
    // A terminal that is gone is noticed by the next write.
    let _ = std::io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(attempt: u64, seq: u32, text: &str) -> Delta {
        Delta { attempt, seq, text: text.to_owned() }
    }

    #[test]
    fn what_was_printed_is_not_printed_again() {
        let mut growing = Growing::default();
        assert_eq!(growing.rest("The load is 1."), "The load is 1.");
        assert_eq!(growing.add(&delta(5, 1, " The load")), " The load");
        assert_eq!(growing.add(&delta(5, 2, " is\u{1b} 1")), " is 1");
        assert_eq!(growing.rest("The load is\u{1b} 1."), ".");
        growing.add(&delta(5, 3, ".\n"));
        assert_eq!(growing.rest("The load is\u{1b} 1."), "");
    }

    #[test]
    fn an_answer_that_became_another_is_printed_whole() {
        let mut growing = Growing::default();
        growing.add(&delta(5, 1, "Let me look."));
        assert_eq!(growing.add(&delta(6, 1, "The load is 1.")), "");
        assert_eq!(growing.rest("The load is 1."), "\n\nThe load is 1.");
    }

    #[test]
    fn nothing_more_is_printed_after_a_part_was_lost() {
        let mut growing = Growing::default();
        growing.add(&delta(5, 1, "The "));
        assert_eq!(growing.add(&delta(5, 3, "is 1.")), "");
        assert_eq!(growing.rest("The load is 1."), "load is 1.");
    }
}

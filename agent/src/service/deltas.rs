//! What a model says, told to whoever asked while it is said.

use std::{convert::Infallible, future::pending, time::Duration};

use sysmaint_endpoint::{Endpoint, StepError};
use sysmaint_protocol::{ContentId, DeviceId, Handle, body::Delta, limits::DELTA_TEXT_MAX};

use crate::live::{Live, Said};

/// Between two of them. A watcher of the bus sees as many envelopes.
const EVERY: Duration = Duration::from_millis(250);

/// To which device, and about which prompt.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) handle: Handle,
    pub(super) device_id: DeviceId,
    pub(super) prompt: ContentId,
}

/// How far one reader was told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    attempt: u64,
    seq: u32,
    bytes: usize,
}

/// Tells what is said, as far as it gets through. Runs until it is dropped.
pub(super) async fn tell(endpoint: &Endpoint, reader: &Reader, live: &Live) -> Infallible {
    if !endpoint.carries_ephemeral() {
        return pending().await;
    }
    let (mut said, mut told) = (live.follow(), Told::default());
    loop {
        let delta = told.next(&said.borrow_and_update());
        let Some(delta) = delta else {
            if said.changed().await.is_err() {
                return pending().await;
            }
            continue;
        };
        // Where it cannot be sent now, more comes at once later.
        if send(endpoint, reader, delta.clone()).await {
            told.note(&delta);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn send(endpoint: &Endpoint, reader: &Reader, delta: Delta) -> bool {
    let Reader { handle, device_id, prompt } = reader.clone();
    let sent = endpoint
        .step(move |step| -> Result<bool, StepError> {
            step.send_ephemeral(&handle, device_id, Some(prompt), &delta)
        })
        .await;
    sent.inspect_err(|error| tracing::debug!(%error, "a part of an answer is not told"))
        .unwrap_or(false)
}

impl Told {
    /// What comes next, as much as fits.
    fn next(&self, said: &Said) -> Option<Delta> {
        let (seq, told) =
            if said.attempt == self.attempt { (self.seq, self.bytes) } else { (0, 0) };
        let rest = said.text.get(told..).filter(|rest| !rest.is_empty())?;
        let text = rest[..rest.floor_char_boundary(DELTA_TEXT_MAX)].to_owned();
        Some(Delta { attempt: said.attempt, seq: seq.saturating_add(1), text })
    }

    fn note(&mut self, delta: &Delta) {
        let told = if delta.attempt == self.attempt { self.bytes } else { 0 };
        *self = Self { attempt: delta.attempt, seq: delta.seq, bytes: told + delta.text.len() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(attempt: u64, text: &str) -> Said {
        Said { attempt, text: text.to_owned() }
    }

    fn told_all(told: &mut Told, said: &Said) -> Vec<(u32, String)> {
        let mut all = Vec::new();
        while let Some(delta) = told.next(said) {
            told.note(&delta);
            all.push((delta.seq, delta.text));
        }
        all
    }

    #[test]
    fn each_part_is_told_once_and_an_attempt_begins_anew() {
        let mut told = Told::default();
        assert_eq!(told.next(&said(5, "")), None);
        assert_eq!(told_all(&mut told, &said(5, "Let me")), [(1, "Let me".into())]);
        assert_eq!(told_all(&mut told, &said(5, "Let me look.")), [(2, " look.".into())]);
        assert_eq!(told_all(&mut told, &said(6, "")), []);
        assert_eq!(told_all(&mut told, &said(6, "12 %")), [(1, "12 %".into())]);
    }

    #[test]
    fn what_was_not_sent_is_part_of_the_next() {
        let told = Told::default();
        assert_eq!(told.next(&said(5, "a")).unwrap().text, "a");
        assert_eq!(
            told.next(&said(5, "ab")).unwrap(),
            Delta { attempt: 5, seq: 1, text: "ab".into() }
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ä".repeat(DELTA_TEXT_MAX) + "x";
        let parts = told_all(&mut Told::default(), &said(5, &text));
        assert!(parts.len() > 2 && parts.iter().all(|(_, part)| part.len() <= DELTA_TEXT_MAX));
        assert_eq!(parts.iter().map(|(_, part)| &**part).collect::<String>(), text);
        assert_eq!(parts.last().unwrap().0 as usize, parts.len());
    }
}

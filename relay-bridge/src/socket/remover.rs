//! Removing what a client has acknowledged from its mailbox, several at once.

use std::time::Duration;

use futures_util::future::{BoxFuture, try_join_all};
use sysmaint_bus::{StoredError, StoredMailbox};
use sysmaint_protocol::subject::Mailbox;
use tokio::time::Instant;

use super::{
    Sockets,
    pace::backoff,
    window::{Removal, Window},
};

/// How long an acknowledgement waits for others.
const GATHER: Duration = Duration::from_millis(20);
/// How many do not wait for more.
const ENOUGH: usize = 64;
/// Single ones that the broker is asked to remove at the same time.
const AT_ONCE: usize = 8;

/// A removal that is under way.
pub(super) type Removing = BoxFuture<'static, Result<Removal, StoredError>>;

/// When to remove next.
#[derive(Debug, Default)]
pub(super) struct Remover {
    at: Option<Instant>,
    failures: u32,
}

impl Remover {
    /// When to remove next, if anything is to be removed.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.at
    }

    /// Something was acknowledged.
    pub(super) fn acknowledged(&mut self, window: &Window, now: Instant) {
        if self.failures > 0 {
            return;
        }
        let gathered = window.acknowledged() >= ENOUGH;
        let at = if gathered { now } else { now + GATHER };
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }

    /// The next removal, once it is due.
    pub(super) fn remove(
        &mut self,
        sockets: &Sockets,
        own: &Mailbox,
        window: &mut Window,
    ) -> Option<Removing> {
        self.at = None;
        let removal = window.next_removal()?;
        let digests = window.digests(&removal);
        let mailbox = sockets.bus.stored_mailbox(own);
        let audit = sockets.directory.audit().clone();
        Some(Box::pin(async move {
            match &removal {
                Removal::Through(sequences) => {
                    if let Some(last) = sequences.last() {
                        mailbox.remove_through(*last).await?;
                    }
                }
                Removal::Each(sequences) => remove_each(&mailbox, sequences).await?,
            }
            audit.delivered(digests).await;
            Ok(removal)
        }))
    }

    /// The broker answered.
    pub(super) fn removed(&mut self, window: &mut Window, removal: &Removal, now: Instant) {
        self.failures = 0;
        window.removed(removal.sequences());
        self.at = (window.acknowledged() > 0).then_some(now);
    }

    /// The broker did not; whatever it has done will not hurt if it is done again.
    pub(super) fn failed(&mut self, window: &mut Window, now: Instant) {
        window.kept();
        self.at = Some(now + backoff(self.failures));
        self.failures = self.failures.saturating_add(1);
    }

    /// An answer will not come any more: the broker is asked again at this moment.
    pub(super) fn again(&mut self, window: &mut Window, at: Instant) {
        window.kept();
        self.failures = 0;
        self.at = (window.acknowledged() > 0).then_some(at);
    }
}

async fn remove_each(mailbox: &StoredMailbox, sequences: &[u64]) -> Result<(), StoredError> {
    for some in sequences.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|sequence| mailbox.remove(*sequence))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::audit::Digest;

    use super::*;

    #[test]
    fn many_acknowledgements_do_not_wait_and_few_do() {
        let now = Instant::now();
        let (mut window, mut remover) = (Window::default(), Remover::default());
        assert_eq!(remover.due(), None);
        for sequence in 1..=64 {
            window.deliver(sequence, Digest::from_bytes([0; 32]));
            window.acknowledge(sequence).unwrap();
            remover.acknowledged(&window, now);
            let due = if sequence < 64 { now + GATHER } else { now };
            assert_eq!(remover.due(), Some(due), "{sequence}");
        }
    }

    #[test]
    fn acknowledgements_do_not_shorten_the_pause_after_trouble() {
        let now = Instant::now();
        let (mut window, mut remover) = (Window::default(), Remover::default());
        window.deliver(1, Digest::from_bytes([0; 32]));
        window.acknowledge(1).unwrap();
        let removal = window.next_removal().unwrap();
        remover.failed(&mut window, now);
        let due = remover.due();
        assert!(due > Some(now));
        remover.acknowledged(&window, now);
        assert_eq!(remover.due(), due);
        assert_eq!(window.next_removal(), Some(removal.clone()));
        remover.removed(&mut window, &removal, now);
        assert_eq!(remover.due(), None);
    }
}

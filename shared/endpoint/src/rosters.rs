//! Which devices the others have: asked of the directory when something is to be sealed and the
//! answer has become old, when a relay refuses an envelope, and when an unknown device has sent
//! something.
//!
//! The directory is not trusted with more than the list: a further device is believed by its
//! admission alone. That it leaves a device out is believed, since it could as well lose its mail.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sysmaint_device::{Noted, Readiness, Refusal};
use sysmaint_protocol::{
    Handle,
    limits::ROSTER_AGE,
    rest::{Bundle, Roster},
};
use tokio::{sync::Notify, time::Instant};

use crate::{ContactError, Endpoint, StepError, receive};

/// How long sealing waits for the directory before it goes by what is known.
const FRESHEN_WITHIN: Duration = Duration::from_secs(3);
/// How long a device without prekeys keeps its siblings from being asked for theirs.
const INCOMPLETE: Duration = Duration::from_mins(5);
/// What is held of strangers is looked into again this often.
const AGAIN: Duration = ROSTER_AGE;

/// What was asked, and when. In memory alone: after a start everything is asked anew.
#[derive(Default)]
pub(crate) struct Rosters {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    asked: HashMap<Handle, Asked>,
    /// Handles whose devices are known to be others.
    wanted: BTreeSet<Handle>,
}

#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    /// Of the answer that was taken over.
    revision: u64,
    incomplete_since: Option<Instant>,
}

impl Rosters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a handle's devices asked for soon, whatever was known.
    pub(crate) fn want(&self, handle: &Handle) {
        self.state().wanted.insert(handle.clone());
        self.wake.notify_one();
    }

    /// Has whatever is held of strangers looked into.
    pub(crate) fn look(&self) {
        self.wake.notify_one();
    }

    fn take_wanted(&self) -> BTreeSet<Handle> {
        std::mem::take(&mut self.state().wanted)
    }

    fn is_old(&self, handle: &Handle) -> bool {
        let asked_at = self.state().asked.get(handle).and_then(|asked| asked.at);
        asked_at.is_none_or(|at| at.elapsed() >= ROSTER_AGE)
    }

    /// Before asking, so that of many who seal at once one asks.
    fn note_asked(&self, handle: &Handle) {
        self.state().asked.entry(handle.clone()).or_default().at = Some(Instant::now());
    }

    /// Whether an answer says what was taken over before.
    fn is_known(&self, roster: &Roster) -> bool {
        let state = self.state();
        state.asked.get(&roster.identity).is_some_and(|asked| asked.revision == roster.revision)
    }

    fn note_known(&self, roster: &Roster) {
        self.state().asked.entry(roster.identity.clone()).or_default().revision = roster.revision;
    }

    /// Whether a device of a handle had no prekeys a moment ago.
    pub(crate) fn is_incomplete(&self, handle: &Handle) -> bool {
        let since = self.state().asked.get(handle).and_then(|asked| asked.incomplete_since);
        since.is_some_and(|since| since.elapsed() < INCOMPLETE)
    }

    pub(crate) fn note_incomplete(&self, handle: &Handle, is_incomplete: bool) {
        let since = is_incomplete.then(Instant::now);
        self.state().asked.entry(handle.clone()).or_default().incomplete_since = since;
    }
}

/// Looks into what was refused and who is a stranger. Runs until it is dropped.
pub(crate) async fn keep_right(endpoint: &Endpoint) {
    let rosters = &endpoint.inner.rosters;
    loop {
        let mut wanted = rosters.take_wanted();
        match endpoint.strangers().await {
            Ok(strangers) => wanted.extend(strangers),
            Err(error) => tracing::warn!(%error, "nobody knows who is a stranger"),
        }
        for handle in wanted {
            if let Err(error) = endpoint.look_up(&handle, true).await {
                tracing::debug!(%error, "the directory does not say who somebody's devices are");
            }
        }
        let _ = tokio::time::timeout(AGAIN, rosters.wake.notified()).await;
    }
}

impl Endpoint {
    /// Asks the directory for a known handle's devices and takes over what has changed.
    pub async fn refresh(&self, handle: &Handle) -> Result<(), ContactError> {
        self.look_up(handle, true).await
    }

    /// The same if that was not done within the last half minute. A directory that does not
    /// answer keeps nobody from sealing to the devices that are known.
    pub(crate) async fn freshen(&self, handle: &Handle) {
        let rosters = &self.inner.rosters;
        if !rosters.is_old(handle) {
            return;
        }
        let look_up = Box::pin(self.look_up(handle, false));
        let asked = tokio::time::timeout(FRESHEN_WITHIN, look_up).await;
        match asked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a recipient's devices are those that were known before");
            }
            Err(_) => tracing::debug!("the directory does not answer in time"),
        }
    }

    async fn look_up(&self, handle: &Handle, whatever_is_known: bool) -> Result<(), ContactError> {
        let inner = &self.inner;
        if !self.knows(handle).await? {
            return Ok(());
        }
        inner.rosters.note_asked(handle);
        let roster = inner.directory.devices(self.handle(), handle).await?;
        if !whatever_is_known && inner.rosters.is_known(&roster) {
            return Ok(());
        }
        let (about, answer) = (handle.clone(), roster.clone());
        let noted = self
            .step(move |step| -> Result<Noted, ContactError> {
                let now = step.now();
                let (device, store, rng) = step.parts();
                Ok(device.note_roster(store, rng, now, &about, &answer)?)
            })
            .await
            .map_err(ContactError::from)?;
        inner.rosters.note_known(&roster);
        self.tell(&noted);
        if noted.joined > 0 {
            inner.rosters.note_incomplete(handle, false);
        }
        Ok(())
    }

    fn tell(&self, noted: &Noted) {
        tell_refused(&noted.refused);
        if noted.joined + noted.gone > 0 {
            let (joined, gone) = (noted.joined, noted.gone);
            tracing::info!(joined, gone, "somebody's devices have changed");
        }
        for opened in &noted.settled {
            receive::note(self, opened);
        }
        if noted.gone > 0 || !noted.refused.is_empty() {
            // What waited for it does not wait any more, or has to be shown.
            self.inner.queued.notify_one();
            self.inner.broken.notify_one();
        }
    }

    /// How many of a handle's devices can be sealed to.
    pub(crate) async fn readiness(&self, handle: &Handle) -> Result<Readiness, ContactError> {
        let (to, now) = (handle.clone(), self.inner.clock.now());
        let look = self.look(move |device, store| -> Result<_, ContactError> {
            Ok(device.readiness(store, &to, now).map_err(StepError::from)?)
        });
        look.await.map_err(ContactError::from)
    }

    /// Opens sessions with those devices of a handle that have none.
    pub(crate) async fn open_sessions(
        &self,
        handle: &Handle,
        bundle: &Bundle,
    ) -> Result<(), ContactError> {
        let (to, fetched) = (handle.clone(), bundle.clone());
        let refused = self
            .step(move |step| -> Result<_, ContactError> {
                let now = step.now();
                let (device, store, rng) = step.parts();
                Ok(device.accept_bundle(store, rng, now, &to, &fetched)?)
            })
            .await
            .map_err(ContactError::from)?;
        tell_refused(&refused);
        Ok(())
    }

    async fn strangers(&self) -> Result<Vec<Handle>, ContactError> {
        let look = self.look(|device, store| -> Result<_, ContactError> {
            Ok(device.strangers(store).map_err(StepError::from)?)
        });
        look.await.map_err(ContactError::from)
    }
}

pub(crate) fn tell_refused(refused: &[Refusal]) {
    for refusal in refused {
        tracing::warn!(error = %refusal.error, "a further device is not believed");
        tracing::debug!(%refusal, "which device that is");
    }
}

//! Numbered messages out, numbered messages in, each in one transaction with its effect.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sysmaint_device::store::PeerStore as _;
use sysmaint_endpoint::{Endpoint, Step, StepError};
use sysmaint_protocol::{
    Address, Handle,
    body::{self, Text},
};
use sysmaint_tests::KillPoint::{Effect, Sealed, Settled};
use tokio::sync::watch;

use crate::{Failure, fuse::Fuse, say, tally::Tally};

/// After something that passes.
const RETRY: Duration = Duration::from_millis(200);
const BURST_MAX: u64 = 4;

/// One side of a conversation.
#[derive(Clone)]
pub(crate) struct Talk {
    endpoint: Endpoint,
    fuse: Arc<Fuse>,
    peer: Handle,
    said: Arc<Mutex<Tally>>,
    speaking: Arc<AtomicBool>,
}

impl Talk {
    pub(crate) fn new(endpoint: Endpoint, fuse: Arc<Fuse>, peer: Handle) -> Self {
        let said = Arc::new(Mutex::new(Tally::of(peer.clone())));
        Self { endpoint, fuse, peer, said, speaking: Arc::new(AtomicBool::new(true)) }
    }

    /// Says the next numbers in bursts, until told that it is enough.
    pub(crate) async fn speak(self, seed: u64, pause: u64, enough: watch::Receiver<bool>) {
        let mut random = StdRng::seed_from_u64(seed);
        while !*enough.borrow() {
            let (count, together) = (random.random_range(1..=BURST_MAX), random.random());
            if let Err(error) = self.burst(count, together).await {
                say(&format!("trouble while speaking: {error}"));
                self.said.lock().unwrap_or_else(PoisonError::into_inner).start_over();
                tokio::time::sleep(RETRY).await;
                continue;
            }
            let pause = random.random_range(pause / 2..=pause * 3 / 2);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.speaking.store(false, Ordering::SeqCst);
    }

    /// Whether it may still say something.
    pub(crate) fn is_speaking(&self) -> bool {
        self.speaking.load(Ordering::SeqCst)
    }

    /// All in one transaction, or each in its own.
    async fn burst(&self, count: u64, together: bool) -> Result<(), Failure> {
        self.endpoint.prepare(&self.peer).await?;
        let (steps, each) = if together { (1, count) } else { (count, 1) };
        for _ in 0..steps {
            let talk = self.clone();
            let step = self.endpoint.step(move |step| -> Result<(), StepError> {
                (0..each).try_for_each(|_| talk.say_next(step))
            });
            step.await.map_err(|error| Failure(error.to_string()))?;
        }
        Ok(())
    }

    fn say_next(&self, step: &mut Step<'_, '_>) -> Result<(), StepError> {
        let (own, now) = (self.endpoint.handle().clone(), step.now());
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).count(***step)?;
        let text = (said + 1).to_string();
        let id = step.send(&self.peer, None, &Text { text: text.clone() })?;
        // What was said, by number: in the file with the envelope, or neither.
        step.direct_messages().add(&self.peer, id, &own, &text, now)?;
        self.fuse.pass(Sealed);
        Ok(())
    }

    /// Takes the effect of all that comes in.
    pub(crate) async fn listen(self) {
        let mut inbox = self.endpoint.inbox();
        loop {
            let message = inbox.next().await;
            let from = loop {
                match self.endpoint.resolve(message.sender, &message.sender_handle).await {
                    Ok(from) => break from,
                    Err(error) => say(&format!("trouble while asking who that is: {error}")),
                }
                tokio::time::sleep(RETRY).await;
            };
            let Some(from) = from else {
                say("trouble: nobody knows the sender of a message");
                continue;
            };
            let (own, fuse) = (self.endpoint.handle().clone(), self.fuse.clone());
            let (id, sent_at) = (message.content_id, message.sent_at);
            let text = body::decode::<Text>(&message.body).map(|text| text.text);
            let text = text.unwrap_or_else(|_| "not a text".to_owned());
            let settled = self.endpoint.settle(&message, move |step| -> Result<(), StepError> {
                step.direct_messages().add(&own, id, &from, &text, sent_at)?;
                fuse.pass(Effect);
                Ok(())
            });
            match settled.await {
                Ok(_) => self.fuse.pass(Settled),
                Err(error) => say(&format!("trouble while settling: {error}")),
            }
        }
    }

    /// Loses the sessions with the peer, as damage to a file might: what comes on them cannot be
    /// opened, and is asked for.
    pub(crate) async fn forget_sessions(&self) -> Result<(), Failure> {
        let (own, peer) = (self.endpoint.handle().clone(), self.peer.clone());
        let forget = self.endpoint.store().write(move |tx| -> Result<(), Failure> {
            let mut device = tx.device(&own)?;
            let Some(contact) = device.contact(&peer)? else { return Ok(()) };
            for device_id in contact.devices {
                device.drop_session(Address { service_id: contact.service_id, device_id })?;
            }
            Ok(())
        });
        forget.await.map_err(|error| Failure(error.to_string()))
    }
}

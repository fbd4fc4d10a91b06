//! Reading one's own mailbox: waits through outages, and behind another reader of the same device.

use std::time::{Duration, Instant};

use async_nats::{
    HeaderMap,
    jetstream::{
        consumer::{
            PullConsumer,
            pull::{self, MessagesErrorKind},
        },
        message::Message,
    },
};
use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use sysmaint_protocol::{Timestamp, subject::Mailbox};
use tokio::sync::watch;

use super::{
    MESSAGE_ID,
    order::{self, Order},
    provision::{ACK_WAIT, GROUP},
};
use crate::{
    Acknowledge, AcknowledgeError, Bus, Deliveries, Delivery, OpenError, backoff::Backoff,
};

/// The server forgets the pinned reader that has not asked for [`PRIORITY_TIMEOUT`]; with a
/// request of this life a reader asks often enough, also in a quiet mailbox.
///
/// [`PRIORITY_TIMEOUT`]: super::provision::PRIORITY_TIMEOUT
const REQUEST_LIVES: Duration = Duration::from_secs(3);
const HEARTBEAT: Duration = Duration::from_millis(1500);
/// Envelopes per request. They are small and acknowledged in groups.
const BATCH: usize = 64;
/// A reader without mail looks this soon whether another one is served,
const FIRST_LOOK: Duration = Duration::from_secs(6);
/// and then seldom: the question costs the server more than a delivery.
const LATER_LOOKS: Duration = Duration::from_mins(1);
/// What was lost with a reader or a connection has come again by then.
const COMES_AGAIN_WITHIN: Duration = ACK_WAIT.saturating_add(Duration::from_millis(500));
const PIN_ID: &str = "Nats-Pin-Id";

pub(super) struct NatsDeliveries {
    bus: Bus,
    own: Mailbox,
    consumer: PullConsumer,
    messages: Option<pull::Stream>,
    order: Order<Message>,
    trouble: Backoff,
    place: Place,
}

/// Whether this reader is the one that is served.
struct Place {
    pin: Option<String>,
    stands_by: watch::Sender<bool>,
    next_look: Instant,
}

impl NatsDeliveries {
    pub(super) async fn open(bus: Bus, own: Mailbox) -> Result<Self, OpenError> {
        let consumer = find_consumer(&bus, &own).await?;
        let info = consumer.cached_info();
        let (delivered, pending) = (info.delivered.consumer_sequence, info.num_ack_pending);
        let order = Order::new(delivered, pending, COMES_AGAIN_WITHIN, Instant::now());
        Ok(Self {
            bus,
            own,
            consumer,
            messages: None,
            order,
            trouble: Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
            place: Place {
                pin: None,
                stands_by: watch::Sender::new(false),
                next_look: Instant::now() + FIRST_LOOK,
            },
        })
    }

    /// Waits for the next message. `None` on trouble, after a pause where one is due, and when
    /// messages that were held may be taken.
    async fn first(&mut self) -> Option<Message> {
        let held_until = self.order.wakes_at();
        let messages = match &mut self.messages {
            Some(messages) => messages,
            empty => match subscribe(&self.consumer).await {
                Ok(messages) => empty.insert(messages),
                Err(error) => {
                    tracing::debug!(%error, "cannot read the mailbox");
                    self.trouble.pause().await;
                    return None;
                }
            },
        };
        tokio::select! {
            biased;
            next = messages.next() => match next {
                Some(Ok(message)) => {
                    self.trouble.reset();
                    Some(message)
                }
                Some(Err(error)) => {
                    self.recover(error.kind()).await;
                    None
                }
                None => {
                    self.reopen().await;
                    None
                }
            },
            () = tokio::time::sleep_until(self.place.next_look.into()) => {
                self.look().await;
                None
            }
            () = until(held_until) => None,
        }
    }

    /// Takes a message in, and all that are here already.
    fn sort_in(&mut self, first: Message) {
        let mut next = Some(first);
        while let Some(message) = next {
            self.served(&message);
            let place = message.info().ok().map(|info| order::Place {
                stream: info.stream_sequence,
                consumer: info.consumer_sequence,
                again: info.delivered > 1,
            });
            if let Some(place) = place {
                self.order.arrived(place, message, Instant::now());
            }
            next = self.buffered();
        }
    }

    /// Whether what seems to be missing was acknowledged by another reader. Without an answer it
    /// is waited for.
    async fn ask_what_is_missing(&mut self) {
        if self.order.is_in_doubt()
            && let Ok(info) = self.consumer.get_info().await
        {
            self.order.unacknowledged(info.num_ack_pending);
        }
    }

    async fn recover(&mut self, error: MessagesErrorKind) {
        if self.trouble.should_warn() {
            tracing::warn!(reason = %error, "the mailbox cannot be read at the moment");
        }
        match error {
            // The stream recovers by itself once the server is back.
            MessagesErrorKind::MissingHeartbeat => {}
            MessagesErrorKind::Pull | MessagesErrorKind::Other => self.trouble.pause().await,
            MessagesErrorKind::NoResponders
            | MessagesErrorKind::ConsumerDeleted
            | MessagesErrorKind::PushBasedConsumer
            | MessagesErrorKind::RequestLimitExceeded => self.reopen().await,
        }
    }

    /// Starts over with the consumer as it is now; waits until there is one.
    async fn reopen(&mut self) {
        self.messages = None;
        self.trouble.pause().await;
        match find_consumer(&self.bus, &self.own).await {
            Ok(consumer) => self.consumer = consumer,
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// A quiet mailbox, or another reader that has it? Said once.
    async fn look(&mut self) {
        self.place.next_look = Instant::now() + LATER_LOOKS;
        let Ok(info) = self.consumer.get_info().await else { return };
        let pinned = info.priority_groups.into_iter().find_map(|group| group.pinned_client_id);
        let other =
            pinned.filter(|pinned| !pinned.is_empty() && self.place.pin.as_ref() != Some(pinned));
        if other.is_some() && !self.place.stands_by.send_replace(true) {
            tracing::warn!(
                "another process serves this device; standing by until it is gone. Two processes \
                 must not share one device: stop one of them"
            );
        }
    }

    fn served(&mut self, message: &Message) {
        self.place.next_look = Instant::now() + LATER_LOOKS;
        if self.place.stands_by.send_replace(false) {
            tracing::info!("the other process is gone; serving this device now");
        }
        let pin = message.headers.as_ref().and_then(|headers| headers.get_last(PIN_ID));
        if let Some(pin) = pin {
            self.place.pin = Some(pin.as_str().to_owned());
        }
    }

    /// Mail for this device alone; the inbox that it arrives in is random, but not a lock.
    fn accept(&self, message: Message) -> Option<Delivery> {
        if message.subject.as_str() != self.own.sealed() {
            return None;
        }
        let published = message.info().ok()?.published.unix_timestamp_nanos() / 1_000_000;
        let reply = message.reply.as_ref()?.to_string();
        let transfer_id = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(MESSAGE_ID))
            .and_then(|id| id.as_str().parse().ok());
        Some(Delivery {
            transfer_id,
            stored_at: Timestamp::from_millis(u64::try_from(published).unwrap_or_default()),
            acknowledgement: Box::new(NatsAcknowledgement { bus: self.bus.clone(), reply }),
            bytes: message.message.payload.into(),
        })
    }

    /// What is here already, without waiting for more.
    fn buffered(&mut self) -> Option<Message> {
        let messages = self.messages.as_mut()?;
        match messages.next().now_or_never()? {
            Some(Ok(message)) => Some(message),
            // An error that is over is seen again by the next wait if it matters.
            Some(Err(_)) | None => None,
        }
    }
}

#[async_trait]
impl Deliveries for NatsDeliveries {
    fn stands_by(&self) -> watch::Receiver<bool> {
        self.place.stands_by.subscribe()
    }

    async fn next(&mut self, max: usize) -> Option<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        loop {
            // From here to the return nothing waits, so a cancelled call loses no delivery.
            while deliveries.len() < max
                && let Some(message) = self.order.take(Instant::now())
            {
                deliveries.extend(self.accept(message));
            }
            if !deliveries.is_empty() {
                return Some(deliveries);
            }
            if let Some(message) = self.first().await {
                self.sort_in(message);
                self.ask_what_is_missing().await;
            }
        }
    }
}

struct NatsAcknowledgement {
    bus: Bus,
    reply: String,
}

#[async_trait]
impl Acknowledge for NatsAcknowledgement {
    async fn acknowledge(&self) -> Result<(), AcknowledgeError> {
        self.bus
            .request(&self.reply, HeaderMap::new(), b"+ACK".to_vec())
            .await
            .map(|_| ())
            .map_err(|error| AcknowledgeError(error.to_string()))
    }
}

/// Never, where there is no such moment.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

async fn subscribe(consumer: &PullConsumer) -> Result<pull::Stream, String> {
    consumer
        .stream()
        .group(GROUP)
        .max_messages_per_batch(BATCH)
        .expires(REQUEST_LIVES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|error| error.to_string())
}

/// Waits until the relay has created the consumer. Only a missing permission is final.
async fn find_consumer(bus: &Bus, own: &Mailbox) -> Result<PullConsumer, OpenError> {
    let (stream, name) = (own.stream(bus.shards), own.consumer());
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    loop {
        let denial = bus.denial_of(&format!("$JS.API.CONSUMER.INFO.{stream}.{name}"));
        let found = tokio::select! {
            biased;
            found = bus.jetstream.get_consumer_from_stream(&name, &stream) => found,
            reason = denial.wait() => return Err(OpenError(reason)),
        };
        match found {
            Ok(consumer) => return Ok(consumer),
            Err(error) => {
                tracing::debug!(%error, "no mailbox yet");
                if backoff.should_warn() {
                    tracing::warn!("waiting for the relay to set up this device's mailbox");
                }
                backoff.pause().await;
            }
        }
    }
}

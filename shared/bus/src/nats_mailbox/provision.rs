//! The relay's part: one durable consumer for each device that reads its mailbox through NATS.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PriorityPolicy, pull};
use sysmaint_protocol::subject::Mailbox;

use crate::{Bus, stored_mailbox::StoredError};

/// All readers of a device belong to this group; the server serves one of them at a time.
pub(super) const GROUP: &str = "device";

/// After a reader died its mail is handed out again, and
pub(super) const ACK_WAIT: Duration = Duration::from_secs(5);
/// the next reader takes its place.
pub(super) const PRIORITY_TIMEOUT: Duration = Duration::from_secs(5);
/// Deliveries that wait for their acknowledgement.
const ACK_PENDING: i64 = 256;

/// A mailbox could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up a mailbox's consumer: {0}")]
pub struct ProvisionError(pub String);

impl Bus {
    /// Creates or updates the consumer of a device that reads through NATS. Only the relay may:
    /// who can create consumers can read any mailbox.
    pub async fn ensure_mailbox(&self, mailbox: &Mailbox) -> Result<(), ProvisionError> {
        self.jetstream
            .create_consumer_on_stream(consumer(mailbox), mailbox.stream(self.shards))
            .await
            .map(|_| ())
            .map_err(|error| ProvisionError(error.to_string()))
    }

    /// How many envelopes wait in a mailbox, of either transport.
    pub async fn mailbox_depth(&self, mailbox: &Mailbox) -> Result<u64, StoredError> {
        self.count_subject(&mailbox.stream(self.shards), &mailbox.sealed()).await
    }
}

fn consumer(mailbox: &Mailbox) -> pull::Config {
    pull::Config {
        name: Some(mailbox.consumer()),
        durable_name: Some(mailbox.consumer()),
        description: Some("the mailbox of one device".to_owned()),
        metadata: HashMap::from([("app".to_owned(), "sysmaint".to_owned())]),
        filter_subject: mailbox.sealed(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // A finite number would leave mail stuck in a work queue.
        max_deliver: -1,
        max_ack_pending: ACK_PENDING,
        max_waiting: 16,
        max_batch: 256,
        max_expires: Duration::from_mins(1),
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec![GROUP.to_owned()],
        priority_timeout: PRIORITY_TIMEOUT,
        ..pull::Config::default()
    }
}

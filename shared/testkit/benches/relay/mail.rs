//! What is sent: as many different envelopes as are wanted, to mailboxes in all streams.

use sysmaint_bus::Bus;
use sysmaint_protocol::{
    Base64Bytes, DeviceId, TransferId,
    rest::{OutgoingMessage, SendRequest},
};

use crate::{connection::request, device::Registration, stage::Stage};

/// Spread over the streams; each takes a thousand messages before it is full.
const RECIPIENTS: usize = 64;
const SENDERS: usize = 8;
/// Bytes of an envelope in the smallest size class.
const ENVELOPE: usize = 966;
/// No mailbox gets more at once than it takes.
pub(crate) const AT_MOST: usize = RECIPIENTS * 900;

/// Who writes to whom.
pub(crate) struct Mail {
    recipients: Vec<Registration>,
    senders: Vec<Registration>,
    relay: Bus,
}

/// One message for JetStream without a relay.
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) envelope: Vec<u8>,
}

impl Mail {
    pub(crate) async fn new(stage: &Stage) -> Self {
        let at = stage.relay(0);
        let mut mail =
            Self { recipients: Vec::new(), senders: Vec::new(), relay: stage.bus("relay").await };
        for number in 0..RECIPIENTS {
            mail.recipients.push(Registration::new(at, &format!("recipient-{number}")).await);
        }
        for number in 0..SENDERS {
            mail.senders.push(Registration::new(at, &format!("sender-{number}")).await);
        }
        mail
    }

    pub(crate) fn sender(&self, number: usize) -> &Registration {
        &self.senders[number]
    }

    /// Requests by one sender.
    pub(crate) fn requests_by(&self, sender: &Registration, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.request(sender, number)).collect()
    }

    /// Requests by all senders in turn.
    pub(crate) fn requests(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.request(&self.senders[number % SENDERS], number)).collect()
    }

    /// The same without a relay.
    pub(crate) fn letters(&self, count: usize) -> Vec<Letter> {
        let letter = |number: usize| Letter {
            subject: self.recipients[number % RECIPIENTS].mailbox().sealed(),
            id: TransferId::from_bytes(rand::random()).to_string(),
            envelope: envelope(),
        };
        (0..count).map(letter).collect()
    }

    /// Empties all mailboxes.
    pub(crate) async fn clear(&self) {
        for recipient in &self.recipients {
            let mailbox = self.relay.stored_mailbox(&recipient.mailbox());
            mailbox.remove_through(u64::MAX - 1).await.unwrap();
        }
    }

    fn request(&self, sender: &Registration, number: usize) -> Vec<u8> {
        let recipient = &self.recipients[number % RECIPIENTS];
        let message = OutgoingMessage {
            id: TransferId::from_bytes(rand::random()),
            device_id: DeviceId::FIRST,
            registration_id: recipient.registration_id(),
            envelope: Base64Bytes(envelope()),
        };
        let to = recipient.handle().parse().unwrap();
        let body = serde_json::to_vec(&SendRequest { to, messages: vec![message] }).unwrap();
        request("POST", "/v1/messages", &sender.token, "", &body)
    }
}

/// Random bytes in the shape of a sealed message.
fn envelope() -> Vec<u8> {
    const MESSAGE: usize = ENVELOPE - 1 - 35 - 45 - 3;
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.extend((0..32).map(|_| rand::random::<u8>()));
    bytes.extend([0x12, 43]);
    bytes.extend((0..43).map(|_| rand::random::<u8>()));
    let low = |shift: usize| u8::try_from(MESSAGE >> shift & 0x7f).unwrap();
    bytes.extend([0x1a, low(0) | 0x80, low(7)]);
    bytes.extend((0..MESSAGE).map(|_| rand::random::<u8>()));
    bytes
}

//! Envelopes on their way into mailboxes: all of a recipient's devices, or none.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::try_join_all;
use sysmaint_bus::{Mailbox, PublishError};
use sysmaint_device::Sealed;
use sysmaint_protocol::{
    DeviceId, Envelope,
    limits::ENVELOPE_MAX,
    rest::{
        AcceptedMessage, MismatchedDevices, OutgoingMessage, Problem, SendAccepted, SendRequest,
        StaleDevices,
    },
    subject,
    websocket::Outgoing,
};

use crate::{
    counters::{Counters, Event},
    directory::{DeviceNumber, RelayDirectory},
    problem::{
        BROKER_REFUSED, ENVELOPE_TOO_LARGE, INVALID_REQUEST, MAILBOX_FULL, MISMATCHED_DEVICES,
        NOT_AN_ENVELOPE, STALE_DEVICES, UNCONFIRMED,
    },
};

/// Puts envelopes into mailboxes. It is never told who sends them.
#[derive(Clone)]
pub(crate) struct Post {
    directory: RelayDirectory,
    mailboxes: Arc<dyn Mailbox>,
    counters: Arc<Counters>,
}

/// Why nothing, or not all, was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// The sender does not know the recipient's devices.
    Mismatched(MismatchedDevices),
    /// Anything else.
    Problem(Problem),
    /// The sender knows the devices as they were before they registered anew.
    Stale(StaleDevices),
}

impl Post {
    pub(crate) const fn new(
        directory: RelayDirectory,
        mailboxes: Arc<dyn Mailbox>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { directory, mailboxes, counters }
    }

    /// Stores every envelope of a request and returns once all are durable. After an error the
    /// same request may be sent again: ids make second copies vanish.
    pub(crate) async fn deliver(&self, request: SendRequest) -> Result<SendAccepted, Undelivered> {
        let delivered = self.try_deliver(request).await;
        match &delivered {
            Ok(accepted) => {
                self.counters.count_many(Event::EnvelopeAccepted, accepted.accepted.len());
            }
            Err(undelivered) => self.count(undelivered),
        }
        delivered
    }

    /// Stores one envelope for one device, whichever others the recipient has. Like
    /// [`Self::deliver`] otherwise.
    pub(crate) async fn deliver_one(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let delivered = self.try_deliver_one(outgoing).await;
        match &delivered {
            Ok(()) => self.counters.count(Event::EnvelopeAccepted),
            Err(undelivered) => self.count(undelivered),
        }
        delivered
    }

    /// Counts an envelope that was not stored.
    pub(crate) fn count(&self, undelivered: &Undelivered) {
        if let Some(event) = undelivered.event() {
            self.counters.count(event);
        }
    }

    async fn try_deliver_one(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        let Outgoing { id, to, device_id, registration_id, envelope } = outgoing;
        check_size(envelope.0.len())?;
        let sealed = seal(&to, OutgoingMessage { id, device_id, registration_id, envelope })?;
        check_device(&self.directory.devices(&to).await?, device_id, registration_id)?;
        Ok(self.store(std::slice::from_ref(&sealed)).await?)
    }

    async fn try_deliver(&self, request: SendRequest) -> Result<SendAccepted, Undelivered> {
        let SendRequest { to, messages } = request;
        check_unique(&messages)?;
        let mut sizes = messages.iter().map(|message| message.envelope.0.len());
        sizes.try_for_each(check_size)?;
        let addressed: Vec<_> =
            messages.iter().map(|message| (message.device_id, message.registration_id)).collect();
        let sealed = messages
            .into_iter()
            .map(|message| seal(&to, message))
            .collect::<Result<Vec<_>, _>>()?;
        check_devices(&self.directory.devices(&to).await?, &addressed)?;
        self.store(&sealed).await?;
        let accepted = |sealed: &Sealed| AcceptedMessage {
            device_id: sealed.to().device_id,
            id: sealed.transfer_id(),
        };
        Ok(SendAccepted { accepted: sealed.iter().map(accepted).collect() })
    }

    /// Puts envelopes into their mailboxes. There is room in the audit before anything is stored,
    /// so that nothing is stored which it does not come to tell of.
    async fn store(&self, sealed: &[Sealed]) -> Result<(), Problem> {
        let room = self.directory.audit().room().await?;
        let published = sealed.iter().map(|sealed| self.mailboxes.publish(sealed));
        try_join_all(published).await.map_err(unpublished)?;
        room.accepted(sealed);
        Ok(())
    }
}

impl Undelivered {
    /// Bytes that are not even base64, or not of a sealed message's shape.
    pub(crate) fn not_an_envelope(what: impl std::fmt::Display) -> Self {
        Self::Problem(NOT_AN_ENVELOPE.because(format!(
            "{what}: this relay carries nothing but sealed messages; seal it on the sender's device"
        )))
    }

    /// What is said of it in words.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Mismatched(_) => MISMATCHED_DEVICES.because(
                "the request does not address exactly the recipient's devices, and nothing was \
                 stored: fetch the bundle of the missing ones, drop the extra ones, send again",
            ),
            Self::Problem(problem) => problem.clone(),
            Self::Stale(_) => STALE_DEVICES.because(
                "these devices were registered anew, and nothing was stored: drop the sessions \
                 with them, fetch the bundle, seal again",
            ),
        }
    }

    /// What it is counted as, if it is the sender's or the broker's doing.
    pub(crate) fn event(&self) -> Option<Event> {
        let problem = match self {
            Self::Mismatched(_) => return Some(Event::MismatchedDevices),
            Self::Stale(_) => return Some(Event::StaleDevices),
            Self::Problem(problem) => problem,
        };
        match problem.kind.strip_prefix("urn:sysmaint:")? {
            "envelope-too-large" => Some(Event::EnvelopeTooLarge),
            "mailbox-full" => Some(Event::MailboxFull),
            "not-an-envelope" => Some(Event::NotAnEnvelope),
            "unconfirmed" => Some(Event::Unconfirmed),
            "unknown-identity" => Some(Event::UnknownRecipient),
            _ => None,
        }
    }
}

impl From<Problem> for Undelivered {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A device or an id that comes twice would make one of two envelopes vanish.
fn check_unique(messages: &[OutgoingMessage]) -> Result<(), Problem> {
    let devices: BTreeSet<_> = messages.iter().map(|message| message.device_id).collect();
    let ids: BTreeSet<_> = messages.iter().map(|message| message.id).collect();
    if devices.len() == messages.len() && ids.len() == messages.len() {
        return Ok(());
    }
    let detail = "messages: each device and each id may occur once in a request";
    Err(INVALID_REQUEST.because(detail))
}

fn check_size(bytes: usize) -> Result<(), Problem> {
    if bytes <= ENVELOPE_MAX {
        return Ok(());
    }
    Err(ENVELOPE_TOO_LARGE.because(format!(
        "an envelope has at most {ENVELOPE_MAX} bytes, not {bytes}: split what is sent"
    )))
}

fn seal(to: &sysmaint_protocol::Handle, message: OutgoingMessage) -> Result<Sealed, Undelivered> {
    let envelope = Envelope::parse(message.envelope.0).map_err(Undelivered::not_an_envelope)?;
    let mailbox = subject::Mailbox::new(to.clone(), message.device_id);
    Ok(Sealed::restored(mailbox, message.registration_id, message.id, envelope))
}

/// Whether a sender addresses exactly the recipient's devices, as they are registered now.
/// Stale ones are told first: until they are dropped, the lists need not be compared.
fn check_devices(
    devices: &[DeviceNumber],
    addressed: &[(DeviceId, u32)],
) -> Result<(), Undelivered> {
    let registered = |id: DeviceId| devices.iter().find(|device| device.device_id == id);
    let stale_devices: Vec<_> = addressed
        .iter()
        .filter(|(id, known)| registered(*id).is_some_and(|now| now.registration_id != *known))
        .map(|(id, _)| *id)
        .collect();
    if !stale_devices.is_empty() {
        return Err(Undelivered::Stale(StaleDevices { stale_devices }));
    }
    let is_addressed = |id: DeviceId| addressed.iter().any(|(addressed, _)| *addressed == id);
    let missing_devices: Vec<_> =
        devices.iter().map(|device| device.device_id).filter(|id| !is_addressed(*id)).collect();
    let extra_devices: Vec<_> =
        addressed.iter().map(|(id, _)| *id).filter(|id| registered(*id).is_none()).collect();
    if missing_devices.is_empty() && extra_devices.is_empty() {
        return Ok(());
    }
    Err(Undelivered::Mismatched(MismatchedDevices { missing_devices, extra_devices }))
}

/// Whether one device is registered, and as the sender knows it. Its siblings do not matter.
fn check_device(
    devices: &[DeviceNumber],
    device_id: DeviceId,
    registration_id: u32,
) -> Result<(), Undelivered> {
    let own: Vec<_> =
        devices.iter().filter(|device| device.device_id == device_id).copied().collect();
    check_devices(&own, &[(device_id, registration_id)])
}

fn unpublished(error: PublishError) -> Problem {
    match error {
        PublishError::MailboxFull => MAILBOX_FULL
            .because("the recipient has not fetched what it was sent: try again much later"),
        PublishError::Refused(reason) => {
            // The broker's words may name the subject, and so the recipient.
            tracing::warn!("the broker refused an envelope");
            tracing::debug!(reason, "why the broker refused it");
            BROKER_REFUSED
                .because("the broker will not take this envelope; the relay's log says why")
        }
        // No broker asks for a pause, or knows devices; a relay does.
        PublishError::Throttled(_) | PublishError::OtherDevices(_) => {
            UNCONFIRMED.because("send the same ids again in a moment")
        }
        PublishError::Unconfirmed(reason) => {
            tracing::warn!("the broker did not confirm an envelope");
            tracing::debug!(reason, "why the broker did not confirm it");
            UNCONFIRMED.because("it may be stored or not: send the same ids and bytes again")
        }
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{Base64Bytes, TransferId};

    use super::*;

    fn id(number: u8) -> DeviceId {
        DeviceId::try_from(number).unwrap()
    }

    fn registered(devices: &[(u8, u32)]) -> Vec<DeviceNumber> {
        let one =
            |&(device, registration_id)| DeviceNumber { device_id: id(device), registration_id };
        devices.iter().map(one).collect()
    }

    fn verdict(there: &[(u8, u32)], addressed: &[(u8, u32)]) -> Result<(), Undelivered> {
        let addressed: Vec<_> =
            addressed.iter().map(|&(device, known)| (id(device), known)).collect();
        check_devices(&registered(there), &addressed)
    }

    #[test]
    fn exactly_the_present_devices_are_accepted() {
        assert_eq!(verdict(&[(1, 10), (2, 20)], &[(2, 20), (1, 10)]), Ok(()));
    }

    #[test]
    fn missing_and_extra_devices_are_named() {
        let Err(Undelivered::Mismatched(lists)) = verdict(&[(1, 10), (2, 20)], &[(1, 10), (3, 30)])
        else {
            panic!("not a mismatch");
        };
        assert_eq!(lists.missing_devices, [id(2)]);
        assert_eq!(lists.extra_devices, [id(3)]);
        assert!(verdict(&[(1, 10)], &[]).is_err());
    }

    #[test]
    fn stale_devices_are_told_before_missing_ones() {
        let Err(Undelivered::Stale(list)) = verdict(&[(1, 10), (2, 20)], &[(1, 11)]) else {
            panic!("not stale");
        };
        assert_eq!(list.stale_devices, [id(1)]);
    }

    #[test]
    fn a_device_or_an_id_that_comes_twice_is_refused() {
        let message = |device, transfer| OutgoingMessage {
            id: TransferId::from_bytes([transfer; 16]),
            device_id: id(device),
            registration_id: 1,
            envelope: Base64Bytes(Vec::new()),
        };
        assert!(check_unique(&[message(1, 1), message(2, 2)]).is_ok());
        assert!(check_unique(&[message(1, 1), message(1, 2)]).is_err());
        assert!(check_unique(&[message(1, 1), message(2, 1)]).is_err());
    }

    #[test]
    fn an_envelope_may_have_exactly_the_largest_size() {
        assert!(check_size(ENVELOPE_MAX).is_ok());
        assert_eq!(check_size(ENVELOPE_MAX + 1).unwrap_err().status, 413);
    }
}

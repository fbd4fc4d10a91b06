//! What the bridge has done and refused since it started, as numbers without names.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A delivery was acknowledged and removed.
    Acknowledged,
    /// A requester took bundles of one target too often.
    BundleLimited,
    /// A device or an address called too often.
    CallLimited,
    /// An envelope was delivered over a WebSocket.
    Delivered,
    /// A device was revoked.
    DeviceRevoked,
    /// A device was told to register again.
    DeviceRotated,
    /// An envelope was stored.
    EnvelopeAccepted,
    /// An envelope was larger than the protocol allows.
    EnvelopeTooLarge,
    /// What was acknowledged had not been delivered on that connection.
    ForeignAck,
    /// A recipient's mailbox was full.
    MailboxFull,
    /// A device sent messages too often.
    MessageLimited,
    /// A sender addressed other devices than the recipient has.
    MismatchedDevices,
    /// What should have been an envelope had no such shape.
    NotAnEnvelope,
    /// A registration was taken.
    RegistrationAccepted,
    /// An address registered too often.
    RegistrationLimited,
    /// A registration was refused.
    RegistrationRefused,
    /// A WebSocket was opened.
    SocketOpened,
    /// There was no room for another WebSocket.
    SocketRefused,
    /// A WebSocket ended because its device opened a newer one.
    SocketReplaced,
    /// A WebSocket ended because its token was revoked.
    SocketRevoked,
    /// A client did not read, or did not answer pings.
    SocketTooSlow,
    /// A client broke the rules of the WebSocket.
    SocketViolation,
    /// A sender addressed devices that were registered anew.
    StaleDevices,
    /// A call came without a valid token.
    Unauthenticated,
    /// The broker did not confirm in time.
    Unconfirmed,
    /// A message was for a handle that nobody has.
    UnknownRecipient,
}

impl Event {
    const ALL: [Self; 26] = [
        Self::Acknowledged,
        Self::BundleLimited,
        Self::CallLimited,
        Self::Delivered,
        Self::DeviceRevoked,
        Self::DeviceRotated,
        Self::EnvelopeAccepted,
        Self::EnvelopeTooLarge,
        Self::ForeignAck,
        Self::MailboxFull,
        Self::MessageLimited,
        Self::MismatchedDevices,
        Self::NotAnEnvelope,
        Self::RegistrationAccepted,
        Self::RegistrationLimited,
        Self::RegistrationRefused,
        Self::SocketOpened,
        Self::SocketRefused,
        Self::SocketReplaced,
        Self::SocketRevoked,
        Self::SocketTooSlow,
        Self::SocketViolation,
        Self::StaleDevices,
        Self::Unauthenticated,
        Self::Unconfirmed,
        Self::UnknownRecipient,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::BundleLimited => "bundles_rate_limited",
            Self::CallLimited => "calls_rate_limited",
            Self::Delivered => "delivered",
            Self::DeviceRevoked => "device_revoked",
            Self::DeviceRotated => "device_rotated",
            Self::EnvelopeAccepted => "envelope_accepted",
            Self::EnvelopeTooLarge => "envelope_too_large",
            Self::ForeignAck => "foreign_ack",
            Self::MailboxFull => "mailbox_full",
            Self::MessageLimited => "messages_rate_limited",
            Self::MismatchedDevices => "mismatched_devices",
            Self::NotAnEnvelope => "not_an_envelope",
            Self::RegistrationAccepted => "registration_accepted",
            Self::RegistrationLimited => "registrations_rate_limited",
            Self::RegistrationRefused => "registration_refused",
            Self::SocketOpened => "socket_opened",
            Self::SocketRefused => "socket_refused",
            Self::SocketReplaced => "socket_replaced",
            Self::SocketRevoked => "socket_revoked",
            Self::SocketTooSlow => "socket_too_slow",
            Self::SocketViolation => "socket_violation",
            Self::StaleDevices => "stale_devices",
            Self::Unauthenticated => "unauthenticated",
            Self::Unconfirmed => "unconfirmed",
            Self::UnknownRecipient => "unknown_recipient",
        }
    }

    const fn is_reject(self) -> bool {
        !matches!(
            self,
            Self::Acknowledged
                | Self::Delivered
                | Self::DeviceRevoked
                | Self::DeviceRotated
                | Self::EnvelopeAccepted
                | Self::RegistrationAccepted
                | Self::SocketOpened
                | Self::SocketReplaced
                | Self::SocketRevoked
        )
    }
}

/// One number for each [`Event`].
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; Event::ALL.len()]);

impl Counters {
    /// Counts one.
    pub(crate) fn count(&self, event: Event) {
        self.count_many(event, 1);
    }

    /// Counts several of a kind.
    pub(crate) fn count_many(&self, event: Event, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.0[event as usize].fetch_add(number, Ordering::Relaxed);
    }

    /// What was refused, by name.
    pub(crate) fn rejects(&self) -> BTreeMap<&'static str, u64> {
        self.select(Event::is_reject)
    }

    /// Everything, by name.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.select(|_| true)
    }

    /// What was done, by name.
    pub(crate) fn accepted(&self) -> BTreeMap<&'static str, u64> {
        self.select(|event| !event.is_reject())
    }

    fn select(&self, wanted: impl Fn(Event) -> bool) -> BTreeMap<&'static str, u64> {
        let named = |event: Event| (event.name(), self.0[event as usize].load(Ordering::Relaxed));
        Event::ALL.into_iter().filter(|event| wanted(*event)).map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_number_of_its_own() {
        let counters = Counters::default();
        for (index, event) in Event::ALL.into_iter().enumerate() {
            counters.count_many(event, index + 1);
        }
        let mut all = counters.rejects();
        all.extend(counters.accepted());
        let mut numbers: Vec<_> = all.into_values().collect();
        numbers.sort_unstable();
        let wanted: Vec<_> = (1_u64..).take(Event::ALL.len()).collect();
        assert_eq!(numbers, wanted);
    }
}

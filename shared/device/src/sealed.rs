//! The only thing that a bus will publish.

use sysmaint_protocol::{Envelope, TransferId, subject::Mailbox};

/// An envelope on its way to one device.
///
/// There are two ways to one: [`Device::seal`](crate::Device::seal), or [`Sealed::restored`] from
/// bytes that were sealed before. Sending plaintext therefore does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    to: Mailbox,
    registration_id: u32,
    transfer_id: TransferId,
    envelope: Envelope,
    ephemeral: bool,
}

impl Sealed {
    pub(crate) const fn new(
        to: Mailbox,
        registration_id: u32,
        transfer_id: TransferId,
        envelope: Envelope,
    ) -> Self {
        Self { to, registration_id, transfer_id, envelope, ephemeral: false }
    }

    /// The same, to be published once or not at all.
    #[must_use]
    pub fn ephemeral(self) -> Self {
        Self { ephemeral: true, ..self }
    }

    /// An envelope that was sealed before: from an outbox, or off a relay's wire.
    pub const fn restored(
        to: Mailbox,
        registration_id: u32,
        transfer_id: TransferId,
        envelope: Envelope,
    ) -> Self {
        Self::new(to, registration_id, transfer_id, envelope)
    }

    /// The same under another registration id of its recipient.
    pub(crate) fn readdressed(&self, registration_id: u32) -> Self {
        Self { registration_id, ..self.clone() }
    }

    /// Where it goes.
    pub const fn to(&self) -> &Mailbox {
        &self.to
    }

    /// The recipient device's registration id, as the sender knew it.
    pub const fn registration_id(&self) -> u32 {
        self.registration_id
    }

    /// Names these bytes; the same on each retry.
    pub const fn transfer_id(&self) -> TransferId {
        self.transfer_id
    }

    /// Whether it is published once or not at all, and kept for
    /// [`EPHEMERAL_LIFE`](sysmaint_protocol::limits::EPHEMERAL_LIFE).
    pub const fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// The bytes.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

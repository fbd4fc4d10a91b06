//! The frames of the relay's WebSocket: one JSON object in each text message.
//!
//! The relay delivers what waits in the device's mailbox, oldest first, and repeats it on the next
//! connection until it is acknowledged. At most [`WINDOW`](crate::limits::WINDOW) deliveries are
//! on their way without an acknowledgement.

use serde::{Deserialize, Serialize};

use crate::{Base64Bytes, DeviceId, Handle, Timestamp, TransferId, rest::Problem};

/// The subprotocol that both sides speak.
pub const SUBPROTOCOL: &str = "sysmaint.v1";

/// A browser cannot set `Authorization`: it offers a second subprotocol, this with its token
/// behind it.
pub const TOKEN_SUBPROTOCOL: &str = "sysmaint.token.";

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ClientFrame {
    /// These deliveries are stored for good; the relay may forget them.
    Ack {
        /// Numbers of deliveries of this connection.
        seq: Vec<u64>,
    },
    /// An envelope for one device of somebody.
    Send(Outgoing),
}

/// An envelope on its way to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outgoing {
    /// Random; the same on each retry of the same bytes.
    pub id: TransferId,
    /// The recipient.
    pub to: Handle,
    /// Which of its devices.
    pub device_id: DeviceId,
    /// That device's registration id, as the sender knows it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::RegistrationId))]
    pub registration_id: u32,
    /// The sealed message.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SealedEnvelope))]
    pub envelope: Base64Bytes,
}

/// What the relay says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame {
    /// One envelope out of the mailbox.
    Deliver {
        /// Its number, to be acknowledged; grows, with gaps.
        seq: u64,
        /// The sender's id for these bytes, if it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TransferId>,
        /// When the broker stored it. Certificates are judged at this time.
        stored_at: Timestamp,
        /// The bytes, unchecked.
        envelope: Base64Bytes,
    },
    /// The broker has removed these for good.
    Acked {
        /// Numbers of deliveries of this connection.
        seq: Vec<u64>,
    },
    /// An envelope is stored.
    Sent {
        /// The id that it was sent with.
        id: TransferId,
    },
    /// Something was not done.
    Error {
        /// The envelope in question; absent where it is about the connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<TransferId>,
        /// Seconds after which it may go better.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
        /// The same as over HTTP.
        problem: Problem,
    },
    /// The last frame.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why the relay ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CloseReason {
    /// A newer connection of the same device took over.
    Replaced,
    /// The device was revoked, or registered anew: its token is worthless.
    Revoked,
    /// The bridge stops; another one serves.
    ShuttingDown,
    /// The client did not read what it was sent, or did not answer pings.
    TooSlow,
    /// The client broke the rules of this protocol.
    Violation,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_what_the_documents_say() {
        let id = TransferId::from_bytes([7; 16]);
        let sent = serde_json::to_value(ServerFrame::Sent { id }).unwrap();
        assert_eq!(sent, json!({ "type": "sent", "id": "07".repeat(16) }));
        let closed = ServerFrame::Closed { reason: CloseReason::ShuttingDown };
        let closed = serde_json::to_value(closed).unwrap();
        assert_eq!(closed, json!({ "type": "closed", "reason": "shutting-down" }));
        let ack: ClientFrame = serde_json::from_str(r#"{"type":"ack","seq":[1,2]}"#).unwrap();
        assert_eq!(ack, ClientFrame::Ack { seq: vec![1, 2] });
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for wrong in ["", "{}", r#"{"type":"ack"}"#, r#"{"type":"ack","seq":[-1]}"#, "[]"] {
            assert!(serde_json::from_str::<ClientFrame>(wrong).is_err(), "{wrong}");
        }
    }
}

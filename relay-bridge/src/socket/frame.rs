//! Reading what clients say, and saying why it cannot be read.

use serde::Deserialize;
use sysmaint_protocol::{
    Base64Bytes, TransferId,
    limits::{ENVELOPE_MAX, WINDOW},
    rest::Problem,
    websocket::ClientFrame,
};

use crate::{delivery::Undelivered, problem::INVALID_REQUEST};

/// Bytes of a message: the largest envelope in base64, and what stands around it. An envelope that
/// is a little too large is still read, so that it can be refused in words.
pub(super) const MESSAGE_MAX: usize = ENVELOPE_MAX.div_ceil(3) * 4 + 4096;

/// A message that is no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// An envelope that cannot be sent; the connection can go on.
    Send {
        /// Whose sender is to be told.
        id: TransferId,
        /// What is wrong with it.
        undelivered: Undelivered,
    },
    /// Anything else.
    Violation(Problem),
}

/// What is common to every frame that names an envelope.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: String,
    id: TransferId,
    #[serde(default)]
    envelope: serde_json::Value,
}

pub(super) fn parse(text: &str) -> Result<ClientFrame, Unreadable> {
    match serde_json::from_str(text) {
        Ok(ClientFrame::Ack { seq }) if seq.len() > WINDOW => Err(violation(&format!(
            "an ack names at most {WINDOW} deliveries, as many as can be on their way"
        ))),
        Ok(frame) => Ok(frame),
        // What serde found wrong may quote what it found, so it is not repeated.
        Err(_) => Err(unreadable(text)),
    }
}

fn unreadable(text: &str) -> Unreadable {
    match serde_json::from_str(text) {
        Ok(Named { kind, id, envelope }) if kind == "send" => {
            let is_base64 = serde_json::from_value::<Base64Bytes>(envelope).is_ok();
            let undelivered = if is_base64 {
                let detail = "a send frame has id, to, device_id, registration_id and envelope, \
                    each as POST /v1/messages takes it";
                INVALID_REQUEST.because(detail).into()
            } else {
                Undelivered::not_an_envelope("envelope: expected standard base64 with padding")
            };
            Unreadable::Send { id, undelivered }
        }
        Ok(_) | Err(_) => violation(
            "each message is one JSON object: {\"type\":\"ack\",\"seq\":[…]} or \
             {\"type\":\"send\",\"id\":…,\"to\":…,\"device_id\":…,\"registration_id\":…,\
             \"envelope\":…}",
        ),
    }
}

pub(super) fn violation(detail: &str) -> Unreadable {
    Unreadable::Violation(INVALID_REQUEST.because(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff";

    fn send(field: &str, value: &str) -> Result<ClientFrame, Unreadable> {
        let mut json = serde_json::json!({
            "type": "send", "id": ID, "to": "bob", "device_id": 1, "registration_id": 7,
            "envelope": "AAAA",
        });
        json[field] = serde_json::from_str(value).unwrap();
        parse(&json.to_string())
    }

    fn kind(field: &str, value: &str) -> String {
        match send(field, value).unwrap_err() {
            Unreadable::Send { id, undelivered } => {
                assert_eq!(id.to_string(), ID);
                undelivered.problem().kind
            }
            Unreadable::Violation(problem) => format!("violation {}", problem.kind),
        }
    }

    #[test]
    fn an_envelope_that_cannot_be_sent_does_not_end_the_connection() {
        assert!(send("device_id", "2").is_ok());
        assert_eq!(kind("device_id", "0"), "urn:sysmaint:invalid-request");
        assert_eq!(kind("to", "\"Bob\""), "urn:sysmaint:invalid-request");
        assert_eq!(kind("registration_id", "-1"), "urn:sysmaint:invalid-request");
        for text in ["\"a secret, in plain words\"", "7", "null"] {
            assert_eq!(kind("envelope", text), "urn:sysmaint:not-an-envelope");
        }
        assert_eq!(kind("id", "\"short\""), "violation urn:sysmaint:invalid-request");
        assert_eq!(kind("type", "\"deliver\""), "violation urn:sysmaint:invalid-request");
    }

    #[test]
    fn what_was_found_is_never_quoted() {
        for text in ["secret", "{\"type\":\"secret\"}", "{\"type\":\"ack\",\"seq\":\"secret\"}"] {
            let refused = format!("{:?}", parse(text).unwrap_err());
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(!format!("{:?}", send("envelope", "\"a secret\"")).contains("a secret"));
    }

    #[test]
    fn an_ack_has_an_end() {
        let ack = |number: usize| {
            let seq = vec![u64::MAX; number];
            parse(&serde_json::json!({ "type": "ack", "seq": seq }).to_string())
        };
        assert!(ack(0).is_ok() && ack(256).is_ok());
        assert!(matches!(ack(257), Err(Unreadable::Violation(_))));
        let largest = serde_json::json!({ "type": "ack", "seq": vec![u64::MAX; WINDOW] });
        assert!(largest.to_string().len() < MESSAGE_MAX);
    }
}

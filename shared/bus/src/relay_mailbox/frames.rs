//! Frames as text, and what the relay's refusals mean to a sender.

use std::time::Duration;

use sysmaint_protocol::{
    limits::ENVELOPE_MAX,
    rest::Problem,
    websocket::{ClientFrame, ServerFrame},
};
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

use crate::PublishError;

/// Bytes of one frame: the largest envelope in base64, with room for what stands around it.
const FRAME_MAX: usize = ENVELOPE_MAX / 3 * 4 + 8 * 1024;
/// Where the relay does not say how long.
const PAUSE: Duration = Duration::from_secs(1);

/// Bounds for what is read.
pub(super) fn bounds() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(FRAME_MAX)).max_frame_size(Some(FRAME_MAX))
}

/// A frame to be written. `None` never happens: these types have no value that is not JSON.
pub(super) fn write(frame: &ClientFrame) -> Option<Message> {
    serde_json::to_string(frame).ok().map(Message::text)
}

/// A frame that was read.
pub(super) fn read(text: &str) -> Option<ServerFrame> {
    serde_json::from_str(text).ok()
}

/// Why an envelope was not stored, or perhaps not.
pub(super) fn refusal(problem: &Problem, retry_after_s: Option<u64>) -> PublishError {
    let said = || format!("{}: {}", problem.title, problem.detail);
    let kind = problem.kind.as_str();
    if kind.ends_with(":mismatched-devices") || kind.ends_with(":stale-devices") {
        return PublishError::OtherDevices(said());
    }
    match problem.status {
        507 => PublishError::MailboxFull,
        429 => PublishError::Throttled(retry_after_s.map_or(PAUSE, Duration::from_secs)),
        // The device registers again and the same bytes go out with the new token.
        401 | 408 | 500..=599 => PublishError::Unconfirmed(said()),
        _ => PublishError::Refused(said()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16) -> Problem {
        let word = |text: &str| text.to_owned();
        Problem { kind: word("urn:x"), title: word("a"), status, detail: word("b") }
    }

    #[test]
    fn each_status_says_what_to_do_next() {
        assert!(matches!(refusal(&problem(507), None), PublishError::MailboxFull));
        let throttled = refusal(&problem(429), Some(9));
        assert!(matches!(throttled, PublishError::Throttled(pause) if pause.as_secs() == 9));
        for status in [401, 408, 500, 502, 503] {
            assert!(matches!(refusal(&problem(status), None), PublishError::Unconfirmed(_)));
        }
        for status in [400, 404, 409, 410, 413, 422] {
            assert!(matches!(refusal(&problem(status), None), PublishError::Refused(_)));
        }
    }

    #[test]
    fn garbage_is_no_frame() {
        for text in ["", "{}", "[]", r#"{"type":"deliver"}"#, r#"{"type":"acked","seq":[-1]}"#] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}

//! What an envelope may not show.

use sysmaint_protocol::subject::bucket;
use sysmaint_tests::{Captured, Scanner};

use crate::HANDLES;

/// What an envelope may not show.
pub(crate) struct Judge {
    pub(crate) lasting: Scanner,
    ours: Scanner,
    handles: Scanner,
}

impl Judge {
    pub(crate) fn new(keys: &[(String, Vec<u8>)]) -> Self {
        let lasting =
            keys.iter().fold(Scanner::new(), |scanner, (label, key)| scanner.disguised(label, key));
        let words = [
            "\"text\"",
            "\"prompt\"",
            "\"samples\"",
            "\"stream\"",
            "taken_at",
            "content_ids",
            "telemetry_window",
            "memory_total_bytes",
            "\"model\"",
        ];
        let ours = words.iter().fold(Scanner::new(), |scanner, word| scanner.disguised(word, word));
        let handles =
            HANDLES.iter().fold(Scanner::new(), |scanner, name| scanner.disguised(name, name));
        Self { lasting, ours, handles }
    }

    pub(crate) fn faults(&self, message: &Captured) -> Vec<String> {
        let strange = message.header_lines().into_iter().map(|(name, _)| name);
        let strange = strange.filter(|name| !name.starts_with("Nats-"));
        // The broker writes the subject of an envelope into the wake beside it.
        let named = String::from_utf8(message.headers.clone()).unwrap();
        let own = recipient(message).unwrap_or_default();
        let envelope = message.subject.replacen("wake.", "sealed.", 1);
        // Handed to its recipient, it says where that one acknowledges it.
        let reply = message.reply.as_deref().map(|reply| {
            if reply.starts_with("$JS.ACK.") {
                reply.replacen(own, "", 1)
            } else {
                reply.to_owned()
            }
        });
        let hidden = Captured {
            subject: message.subject.replacen(own, "", 1),
            reply,
            headers: named.replacen(&format!("Nats-Subject: {envelope}\r"), "\r", 1).into_bytes(),
            ..message.clone()
        };
        let bytes = hidden.bytes();
        let all = [&self.lasting, &self.ours, &self.handles];
        let found = all.into_iter().flat_map(|scanner| scanner.find(&bytes));
        found.map(str::to_owned).chain(strange).collect()
    }
}

pub(crate) fn is_envelope_or_wake(message: &Captured) -> bool {
    ["sealed.", "wake."].iter().any(|class| message.subject.starts_with(class))
}

/// Whose mailbox a subject names.
pub(crate) fn recipient(message: &Captured) -> Option<&'static str> {
    let words: Vec<_> = message.subject.split('.').collect();
    let ["sealed" | "wake", number, handle, "1"] = words[..] else { return None };
    assert_eq!(number, bucket(&handle.parse().unwrap()).to_string());
    HANDLES.into_iter().find(|known| *known == handle)
}

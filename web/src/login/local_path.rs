//! Where to go after a login.

use std::fmt::Write as _;

/// Characters of a path that is remembered. The longest of the pages' own has some 200.
const MOST: usize = 2048;

/// The text, if it is a path on this server that a browser cannot take for anything else: two
/// slashes, also turned ones, would begin another host's name, and browsers drop control
/// characters before they look.
pub(crate) fn local_path(text: &str) -> Option<&str> {
    let mut bytes = text.bytes();
    let is_path = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let is_plain = text.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'\\');
    (is_path && is_plain && text.len() <= MOST).then_some(text)
}

/// A path and query as the value in another query.
pub(super) fn quoted(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_on_this_server_is_gone_to() {
        for path in ["/", "/chat", "/?host=diagprobe&range=24h", "/?x=http://evil.example"] {
            assert_eq!(local_path(path), Some(path));
        }
        for elsewhere in [
            "",
            "chat",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "\n//evil.example",
            "/chat\r\nSet-Cookie: a=b",
            "/ä",
            &format!("/{}", "x".repeat(MOST)),
        ] {
            assert_eq!(local_path(elsewhere), None, "{elsewhere:?}");
        }
    }

    #[test]
    fn a_query_survives_inside_another() {
        assert_eq!(
            quoted("/?host=a&to=2026-01-01T00:00:00Z"),
            "/%3Fhost%3Da%26to%3D2026-01-01T00%3A00%3A00Z"
        );
    }
}

//! Text that a host chose, such as a process's name: data to show, never words to follow.

use serde::Serialize;

/// Bytes of a text that are shown.
const SHOWN_MAX: usize = 48;

/// A text from a host, of one line, without control characters, at most 48 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct HostText(String);

impl HostText {
    /// Cleans and cuts `text`.
    pub fn new(text: &str) -> Self {
        let mut clean: String = text.trim().chars().map(visible).collect();
        if clean.len() > SHOWN_MAX {
            clean.truncate(clean.floor_char_boundary(SHOWN_MAX - '…'.len_utf8()));
            clean.push('…');
        }
        Self(clean)
    }

    /// The text as data.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as Markdown's inline code, inside which nothing is markup, tables included.
    pub fn code(&self) -> String {
        let inner: String = self.0.chars().map(inert).collect();
        if inner.trim().is_empty() { "(no name)".to_owned() } else { format!("`{inner}`") }
    }
}

/// Line breaks and other control characters, and what turns the direction of writing.
fn visible(character: char) -> char {
    let misleading = matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if character.is_control() || misleading { '\u{fffd}' } else { character }
}

/// A backtick would end inline code, and a bar a table's cell.
fn inert(character: char) -> char {
    match character {
        '`' => '\'',
        '|' => '¦',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_inside_its_code_span() {
        let name = HostText::new("a` **bold** | cell\n# heading </tool>");
        assert_eq!(name.code(), "`a' **bold** ¦ cell�# heading </tool>`");
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = HostText::new(&"ä".repeat(100));
        assert!(name.as_str().len() <= SHOWN_MAX && name.as_str().ends_with("ä…"));
    }

    #[test]
    fn a_name_of_nothing_is_said_to_be_one() {
        assert_eq!(HostText::new(" \t").code(), "(no name)");
    }
}

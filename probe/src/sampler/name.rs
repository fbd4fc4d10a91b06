//! Text that a host chose: a process, a mount point, a sensor.

/// What stands for a character that has no business in a name.
const REPLACED: char = '\u{fffd}';

/// `text` without control and direction-changing characters, cut on a character boundary so that
/// it takes at most `max` bytes between the quotes of a JSON string.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut bytes = 0;
    let fits = |character: &char| {
        bytes += if matches!(character, '"' | '\\') { 2 } else { character.len_utf8() };
        bytes <= max
    };
    text.trim().chars().map(visible).take_while(fits).collect()
}

fn visible(character: char) -> char {
    let misleading = character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if misleading { REPLACED } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_between_characters() {
        assert_eq!(plain("äää", 5), "ää");
        assert_eq!(plain("kworker/0:1", 128), "kworker/0:1");
    }

    #[test]
    fn a_name_cannot_move_a_terminal_or_turn_a_line() {
        assert_eq!(plain("a\nb\u{1b}[2Jc\u{202e}d\0", 128), "a�b�[2Jc�d�");
    }

    #[test]
    fn quotes_count_as_what_json_makes_of_them() {
        let name = plain(&"\"\\".repeat(100), 128);
        assert_eq!(serde_json::to_string(&name).unwrap().len(), 128 + 2);
    }
}

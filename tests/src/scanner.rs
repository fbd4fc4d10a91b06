//! Looking for things that must not be there, in whatever disguise.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use rand::{Rng as _, distr::Alphanumeric};
use sysmaint_protocol::Base64Bytes;

/// The shortest thing that is looked for: nothing of this length appears in ciphertext by chance.
const SHORTEST: usize = 6;

const DIGITS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// Things to look for, all at once.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    needles: Vec<(String, Vec<u8>)>,
    by_start: HashMap<[u8; SHORTEST], Vec<usize>>,
    starts: Vec<bool>,
}

/// Text that appears nowhere by chance; encoding it changes it.
pub fn canary() -> String {
    format!("{}-ü/{}?", letters(12), letters(12))
}

/// The same with nothing but letters and digits, as short as a process's name must be.
pub fn plain_canary() -> String {
    format!("c{}", letters(14))
}

impl Scanner {
    /// Looks for nothing yet.
    pub fn new() -> Self {
        Self { starts: vec![false; 1 << 16], ..Self::default() }
    }

    /// Looks for some text or bytes, raw and in every usual encoding.
    #[must_use]
    pub fn disguised(mut self, label: &str, bytes: impl AsRef<[u8]>) -> Self {
        for (encoding, encoded) in encodings(bytes.as_ref()) {
            self.add(format!("{label} ({encoding})"), encoded);
        }
        self
    }

    /// Looks for bytes as they are.
    #[must_use]
    pub fn raw(mut self, label: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.add(label.to_owned(), bytes.as_ref().to_vec());
        self
    }

    /// What is found, by label.
    pub fn find(&self, haystack: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (position, window) in haystack.windows(SHORTEST).enumerate() {
            if !self.starts[start(window)] {
                continue;
            }
            let key: [u8; SHORTEST] = window.try_into().unwrap();
            for &index in self.by_start.get(&key).map_or(&[][..], Vec::as_slice) {
                let (label, needle) = &self.needles[index];
                if haystack[position..].starts_with(needle) && !found.contains(&label.as_str()) {
                    found.push(label.as_str());
                }
            }
        }
        found
    }

    /// What is found in which file below a directory. A file that is gone by then held nothing.
    pub fn find_in_files(&self, directory: &Path) -> Vec<(PathBuf, Vec<&str>)> {
        let mut all = Vec::new();
        for path in files(directory) {
            let found = self.find(&std::fs::read(&path).unwrap_or_default());
            if !found.is_empty() {
                all.push((path, found));
            }
        }
        all
    }

    fn add(&mut self, label: String, bytes: Vec<u8>) {
        let key: [u8; SHORTEST] = bytes[..SHORTEST].try_into().unwrap();
        self.starts[start(&key)] = true;
        self.by_start.entry(key).or_default().push(self.needles.len());
        self.needles.push((label, bytes));
    }
}

/// All files below a directory.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

fn letters(count: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(count).map(char::from).collect()
}

fn start(window: &[u8]) -> usize {
    usize::from(window[0]) << 8 | usize::from(window[1])
}

fn encodings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let lower = hex(bytes);
    let mut all = vec![
        ("raw", bytes.to_vec()),
        ("hex", lower.to_uppercase().into_bytes()),
        ("hex", lower.into_bytes()),
        ("percent", bytes.iter().map(|byte| percent(*byte)).collect::<String>().into_bytes()),
    ];
    for before in 0..3 {
        let standard = base64_within(before, bytes);
        let url = standard.replace('+', "-").replace('/', "_");
        all.push(("base64", standard.into_bytes()));
        all.push(("base64url", url.into_bytes()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        all.push(("utf-16le", text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        all.push(("utf-16be", text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
        all.push(("json", text.chars().map(json_escaped).collect::<String>().into_bytes()));
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| DIGITS[usize::from(half)])
        .collect()
}

fn percent(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}

fn json_escaped(character: char) -> String {
    if character.is_ascii() {
        return character.to_string();
    }
    let units = character.encode_utf16(&mut [0; 2]).to_vec();
    units.into_iter().fold(String::new(), |text, unit| text + "\\u" + &hex(&unit.to_be_bytes()))
}

/// The digits that depend on these bytes alone where `before` others precede them, modulo 3.
fn base64_within(before: usize, bytes: &[u8]) -> String {
    let padded = [&vec![0; before], bytes].concat();
    let digits = String::from(Base64Bytes(padded));
    digits[(before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_any_encoding_is_found() {
        let canary = canary();
        let scanner = Scanner::new().disguised("canary", &canary);
        let utf16: Vec<u8> = canary.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let escaped = canary.replace('ü', "\\u00fc");
        let percent = canary.replace('ü', "%C3%BC").replace('/', "%2F").replace('?', "%3F");
        for haystack in [canary.clone().into_bytes(), hex(canary.as_bytes()).into_bytes(), utf16] {
            assert_eq!(scanner.find(&[b"before", &haystack[..], b"after"].concat()).len(), 1);
        }
        for haystack in [escaped, percent] {
            assert_eq!(scanner.find(haystack.as_bytes()).len(), 1);
        }
        for before in ["", "a", "ab", "abc"] {
            let text = String::from(Base64Bytes(format!("{before}{canary}end").into_bytes()));
            assert!(!scanner.find(text.as_bytes()).is_empty(), "after {before:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let scanner = Scanner::new().disguised("canary", canary());
        assert!(scanner.find(canary().as_bytes()).is_empty());
        assert!(scanner.find(b"short").is_empty());
    }
}

//! Padding: the wire shows a size class, not a length.
//!
//! A padded plaintext is the content, one byte 0x80, and zeros up to 512 · 2ⁿ − 1 bytes
//! (511, 1023, … 65 535). The missing byte leaves room for the cipher's own padding, so that a
//! class fills its blocks exactly.

use crate::limits::PADDED_MAX;

/// The smallest size class plus one.
const SMALLEST: usize = 512;
const BOUNDARY: u8 = 0x80;

/// The content does not fit the largest size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes do not fit one message (at most {max})", max = PADDED_MAX - 1)]
pub struct TooLong(pub usize);

/// The bytes are not a padded plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the padding is malformed")]
pub struct InvalidPadding;

/// Pads to the next size class.
pub fn pad(mut content: Vec<u8>) -> Result<Vec<u8>, TooLong> {
    let length = content.len();
    let mut class = SMALLEST;
    while class - 1 < length + 1 {
        class *= 2;
    }
    if class - 1 > PADDED_MAX {
        return Err(TooLong(length));
    }
    content.push(BOUNDARY);
    content.resize(class - 1, 0);
    Ok(content)
}

/// Takes the padding off; the length must be a size class.
pub fn unpad(padded: &[u8]) -> Result<&[u8], InvalidPadding> {
    let class = padded.len() + 1;
    if class < SMALLEST || !class.is_power_of_two() || padded.len() > PADDED_MAX {
        return Err(InvalidPadding);
    }
    let boundary = padded.iter().rposition(|byte| *byte != 0).ok_or(InvalidPadding)?;
    if padded[boundary] == BOUNDARY { Ok(&padded[..boundary]) } else { Err(InvalidPadding) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lands_in_a_size_class_and_comes_back() {
        for length in [0, 1, 509, 510, 511, 512, 1022, 1023, 30_000, 65_534] {
            let content = vec![0x80; length];
            let padded = pad(content.clone()).unwrap();
            assert!((padded.len() + 1).is_power_of_two());
            assert_eq!(unpad(&padded).unwrap(), content);
        }
        assert_eq!(pad(vec![0; 65_535]), Err(TooLong(65_535)));
    }

    #[test]
    fn malformed_padding_is_refused() {
        assert!(unpad(&[]).is_err());
        assert!(unpad(&[0; 511]).is_err());
        assert!(unpad(&[1; 511]).is_err());
        assert!(unpad(&[0x80; 510]).is_err());
    }
}

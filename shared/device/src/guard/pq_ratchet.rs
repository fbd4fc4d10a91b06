//! The post-quantum ratchet's message, read before libsignal reads it.
//!
//! Sparse Post-Quantum Ratchet, version 1: version byte, epoch (varint), index (varint), type
//! byte; the types that carry a chunk add its index (varint) and 32 bytes. Version 1.2.0 of the
//! library indexes past the end of a truncated message.

const VERSION: u8 = 1;
const CHUNK: usize = 32;
/// An epoch takes many messages; 2⁴⁰ of them are out of reach.
const EPOCH_END: u64 = 1 << 40;
const CHUNK_INDEX_MAX: u64 = 65_535;

/// Where a message stands in the post-quantum ratchet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) index: u32,
    /// Whether it carries a piece of the next secret's agreement.
    pub(crate) has_chunk: bool,
}

/// The bytes are missing or not of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the post-quantum ratchet's part is {0}")]
pub struct Malformed(&'static str);

/// Checks the whole message. Trailing bytes are allowed, as the library allows them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Position, Malformed> {
    let rest = match bytes.split_first() {
        None => return Err(Malformed("missing")),
        Some((&VERSION, rest)) => rest,
        Some(_) => return Err(Malformed("of another version")),
    };
    let (epoch, rest) = varint(rest)?;
    if epoch == 0 || epoch >= EPOCH_END {
        return Err(Malformed("at an impossible epoch"));
    }
    let (index, rest) = varint(rest)?;
    let index = u32::try_from(index).map_err(|_| Malformed("at an impossible index"))?;
    let (&kind, rest) = rest.split_first().ok_or(Malformed("cut short"))?;
    let has_chunk = match kind {
        0 | 4 => false,
        1 | 2 | 3 | 5 | 6 => {
            chunk(rest)?;
            true
        }
        _ => return Err(Malformed("of an unknown type")),
    };
    Ok(Position { epoch, index, has_chunk })
}

fn chunk(bytes: &[u8]) -> Result<(), Malformed> {
    let (index, rest) = varint(bytes)?;
    if index > CHUNK_INDEX_MAX || rest.len() < CHUNK {
        return Err(Malformed("cut short"));
    }
    Ok(())
}

/// At most ten bytes, and no bit beyond the 64th.
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = 0_u64;
    for (position, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if position == 9 && bits > 1 {
            break;
        }
        value |= bits << (7 * position);
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[position + 1..]));
        }
    }
    Err(Malformed("cut short"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_messages_pass() {
        let position = |epoch, index| Position { epoch, index, has_chunk: false };
        assert_eq!(parse(&[1, 1, 0, 0]).unwrap(), position(1, 0));
        assert_eq!(parse(&[1, 0xac, 2, 5, 4, 9]).unwrap(), position(300, 5));
        let mut chunked = vec![1, 1, 7, 1, 3];
        chunked.resize(5 + 32, 0);
        assert_eq!(parse(&chunked).unwrap(), Position { has_chunk: true, ..position(1, 7) });
    }

    #[test]
    fn every_cut_is_refused_before_it_reaches_the_library() {
        let mut whole = vec![1, 0xac, 2, 0x85, 1, 6, 0x83, 1];
        whole.resize(8 + 32, 7);
        assert!(parse(&whole).is_ok());
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn impossible_values_are_refused() {
        for bytes in [
            &[2, 1, 0, 0][..],
            &[1, 0, 0, 0],
            &[1, 1, 0, 7],
            &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0],
            &[1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0],
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}

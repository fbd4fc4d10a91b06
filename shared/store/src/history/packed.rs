//! A bucket's values as bytes.
//!
//! Series follow each other by number. Each has the distance to the one before, a byte of flags,
//! and only what the flags do not say already: a value that never changed has no bounds, one that
//! fits 32 bits takes no more, and most series occur in every sample of a bucket.

use std::{collections::BTreeMap, ops::ControlFlow};

use super::summary::Summary;

/// Low, high and mean are the same.
const FLAT: u8 = 1;
/// In every sample of the bucket.
const ALWAYS: u8 = 2;
const LOW_NARROW: u8 = 4;
const HIGH_NARROW: u8 = 8;
const SUM_NARROW: u8 = 16;

/// The series of a bucket, by number.
pub(super) type Values = BTreeMap<i64, Summary>;

pub(super) fn pack(values: &Values, samples: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * 20);
    let mut before = 0;
    for (series, summary) in values {
        put_varint(&mut bytes, series.abs_diff(before));
        before = *series;
        let flat = Summary::steady(summary.low, summary.count) == *summary;
        let always = summary.count == samples;
        let flags = flag(flat, FLAT)
            | flag(always, ALWAYS)
            | flag(is_narrow(summary.low), LOW_NARROW)
            | flag(is_narrow(summary.high), HIGH_NARROW)
            | flag(is_narrow(summary.sum), SUM_NARROW);
        bytes.push(flags);
        if !always {
            put_varint(&mut bytes, summary.count.into());
        }
        put_number(&mut bytes, summary.low, flags & LOW_NARROW != 0);
        if !flat {
            put_number(&mut bytes, summary.high, flags & HIGH_NARROW != 0);
            put_number(&mut bytes, summary.sum, flags & SUM_NARROW != 0);
        }
    }
    bytes
}

/// Shows the series of a bucket, by number, for as long as it is told to go on. What is not whole
/// at the end is left out.
pub(super) fn unpack(
    mut bytes: &[u8],
    samples: u32,
    mut show: impl FnMut(i64, Summary) -> ControlFlow<()>,
) {
    let mut series = 0;
    while let Some((number, summary)) = take(&mut bytes, series, samples) {
        series = number;
        if show(series, summary).is_break() {
            break;
        }
    }
}

fn take(bytes: &mut &[u8], before: i64, samples: u32) -> Option<(i64, Summary)> {
    let series = before.checked_add_unsigned(take_varint(bytes)?)?;
    let (flags, rest) = bytes.split_first()?;
    *bytes = rest;
    let count = if flags & ALWAYS != 0 { samples } else { take_varint(bytes)?.try_into().ok()? };
    let low = take_number(bytes, flags & LOW_NARROW != 0)?;
    if flags & FLAT != 0 {
        return Some((series, Summary::steady(low, count)));
    }
    let high = take_number(bytes, flags & HIGH_NARROW != 0)?;
    let sum = take_number(bytes, flags & SUM_NARROW != 0)?;
    Some((series, Summary { low, high, sum, count }))
}

const fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

/// Whether 32 bits hold it exactly.
fn is_narrow(value: f64) -> bool {
    f64::from(narrow(value)).to_bits() == value.to_bits()
}

#[expect(clippy::cast_possible_truncation, reason = "used where nothing is lost")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn put_number(bytes: &mut Vec<u8>, value: f64, is_narrow: bool) {
    if is_narrow {
        bytes.extend(narrow(value).to_le_bytes());
    } else {
        bytes.extend(value.to_le_bytes());
    }
}

fn take_number(bytes: &mut &[u8], is_narrow: bool) -> Option<f64> {
    if is_narrow {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(f32::from_le_bytes(*number).into())
    } else {
        let (number, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(f64::from_le_bytes(*number))
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(0x80 | (value & 0x7f).to_le_bytes()[0]);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all of them are one byte.
    if let [byte @ 0..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Some(u64::from(*byte));
    }
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed() -> Values {
        let summary = |low, high, sum, count| Summary { low, high, sum, count };
        Values::from([
            (1, summary(12.5, 99.25, 300.0, 6)),
            (2, summary(0.1, 0.7, 1.9, 6)),
            (3, summary(5.0, 5.0, 30.0, 6)),
            (300, summary(-4.0, 9e15 + 1.0, 1e16, 3)),
            (70_000, summary(0.1, 0.1, 0.1, 1)),
        ])
    }

    #[test]
    fn what_is_packed_comes_back_bit_for_bit() {
        let values = mixed();
        let mut back = Values::new();
        unpack(&pack(&values, 6), 6, |series, summary| {
            assert_eq!(back.insert(series, summary), None);
            ControlFlow::Continue(())
        });
        assert_eq!(back, values);
    }

    #[test]
    fn damage_shortens_a_bucket_and_never_panics() {
        let bytes = pack(&mixed(), 6);
        for end in 0..bytes.len() {
            let mut count = 0;
            unpack(&bytes[..end], 6, |_, _| {
                count += 1;
                ControlFlow::Continue(())
            });
            assert!(count < 5, "{end}");
        }
        unpack(&[0xff; 64], 6, |_, _| panic!("no series"));
    }
}

//! Garbage for a mailbox.

use sysmaint_tests::Captured;

use crate::random;

/// What is no envelope, what only looks like one, and genuine ones that were tampered with.
pub(crate) fn garbled_envelopes(genuine: &[Captured]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new(), vec![0x11], vec![0; 90_000], shaped(256), shaped(90_000)];
    all.extend((0..100).map(|length| random(length * 7)));
    all.extend((0..100).map(|length| shaped(256 + length * 13)));
    for message in genuine {
        let whole = &message.payload;
        all.extend((1..30).map(|part| whole[..whole.len() * part / 30].to_vec()));
        all.extend((0..30).map(|part| {
            let mut tampered = whole.clone();
            tampered[whole.len() * part / 30] ^= 1 << (part % 8);
            tampered
        }));
        all.push([whole.as_slice(), b"more"].concat());
    }
    all
}

/// Random bytes in the shape of an envelope.
pub(crate) fn shaped(message: usize) -> Vec<u8> {
    let low = |shift: usize| u8::try_from(message >> shift & 0x7f).unwrap();
    let mut bytes = vec![0x11, 0x0a, 33, 0x05];
    bytes.extend(random(32));
    bytes.extend_from_slice(&[0x12, 43]);
    bytes.extend(random(43));
    bytes.extend_from_slice(&[0x1a, low(0) | 0x80, low(7) | 0x80, low(14)]);
    bytes.extend(random(message));
    bytes
}

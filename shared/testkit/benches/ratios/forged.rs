//! What a forged message costs libsignal alone, by what the guard bounds: how far its counter is
//! ahead, how many archived states it is tried against, how many skipped keys a chain has.

use std::{fmt::Write as _, time::Instant};

use futures_util::FutureExt as _;
use libsignal_protocol::{
    CiphertextMessage, IdentityKeyStore as _, KeyPair, PublicKey, SignalMessage,
    message_decrypt_signal,
};

use crate::{exchange::Exchange, libsignal::Plain};

/// How far the counter is ahead.
const AHEAD: [u32; 6] = [64, 128, 256, 512, 1_000, 2_000];
/// States beside the current one.
const ARCHIVED: [u32; 6] = [0, 2, 4, 8, 16, 40];
/// Keys of skipped messages on the chain.
const SKIPPED: [u32; 5] = [0, 128, 256, 1_000, 2_000];
/// Of which the least counts.
const TIMES: usize = 5;

/// Prints two tables.
pub(crate) fn run() {
    let mut pair = Plain::new();
    let mut met = 0;
    let columns = ARCHIVED.map(|archived| {
        (met..archived).for_each(|_| pair.meet());
        met = archived;
        let fresh = KeyPair::generate(&mut rand::rng()).public_key;
        AHEAD.map(|ahead| forged(&mut pair, fresh, ahead))
    });
    print("new chain, by archived states", &ARCHIVED, &columns);
    let columns = SKIPPED.map(|skipped| {
        let mut pair = Plain::new();
        (0..skipped).for_each(|_| drop(pair.seal(0)));
        let last = pair.seal(0);
        let (chain, next) = position(&last);
        pair.open(1, last);
        AHEAD.map(|ahead| forged(&mut pair, chain, next + ahead))
    });
    print("known chain, by skipped keys", &SKIPPED, &columns);
}

fn position(message: &CiphertextMessage) -> (PublicKey, u32) {
    match message {
        CiphertextMessage::SignalMessage(message) => {
            (*message.sender_ratchet_key(), message.counter() + 1)
        }
        _ => unreachable!("an answered session makes no other messages"),
    }
}

/// Milliseconds until it is refused.
fn forged(pair: &mut Plain, ratchet_key: PublicKey, counter: u32) -> f64 {
    let keys = [0, 1].map(|number| {
        let identity = pair.stores[number].get_identity_key_pair().now_or_never();
        *identity.unwrap().unwrap().identity_key()
    });
    let [alice, bob] = &keys;
    let (mac, body, pq) = ([7; 32], [7; 528], [1, 1, 1, 0]);
    let message = SignalMessage::new(4, &mac, ratchet_key, counter, 0, &body, alice, bob, &pq);
    let (message, address) = (message.unwrap(), &pair.addresses[0]);
    let store = &mut pair.stores[1];
    let mut least = f64::INFINITY;
    for _ in 0..TIMES {
        let (sessions, identities) = (&mut store.session_store, &mut store.identity_store);
        let rng = &mut rand::rng();
        let started = Instant::now();
        let outcome = message_decrypt_signal(&message, address, sessions, identities, rng);
        assert!(outcome.now_or_never().unwrap().is_err());
        least = least.min(started.elapsed().as_secs_f64() * 1e3);
    }
    least
}

fn print<const N: usize>(what: &str, heads: &[u32; N], columns: &[[f64; AHEAD.len()]; N]) {
    println!("a forgery on a {what} (ms):");
    let head = heads.iter().fold(String::new(), |mut line, head| {
        let _ = write!(line, "{head:>9}");
        line
    });
    println!("    ahead{head}");
    for (row, ahead) in AHEAD.iter().enumerate() {
        let cells = columns.iter().fold(String::new(), |mut line, column| {
            let _ = write!(line, "{:>9.2}", column[row]);
            line
        });
        println!("{ahead:>9}{cells}");
    }
}

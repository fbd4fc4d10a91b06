//! The corpora: replayed, mutated for a while, and made.
//!
//! `UPDATE_CORPORA=1 cargo test --release --workspace --lib corpora` adds real messages and
//! records and some mutations of them to `fuzz/corpus/`.

#![expect(clippy::print_stdout, reason = "seeds and counts are for whoever repeats a run")]

use std::{
    fmt::Write as _,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{Rng, seq::IndexedRandom};
use sha2::{Digest as _, Sha256};

use super::{TARGETS, Target, seeds::seeds, stage::rng};

/// Fewer inputs than this are not worth a replay.
const INPUTS_MIN: usize = 8;
/// Mutations of a seed that are kept.
const MUTATIONS: usize = 4;
/// Longer than anything that is read.
const LENGTH_MAX: usize = 128 * 1024;

#[test]
fn every_corpus_is_replayed() {
    if std::env::var_os("UPDATE_CORPORA").is_some() {
        for (name, _) in TARGETS {
            make(name);
        }
    }
    for target in TARGETS {
        let (name, inputs) = (target.0, read(target.0));
        assert!(inputs.len() >= INPUTS_MIN, "{name}: only {} inputs", inputs.len());
        let accepted = inputs.iter().filter(|input| run(target, input, "the corpus")).count();
        // A target that takes everything, or nothing, shows nothing.
        assert!(accepted > 0, "{name}: nothing is accepted; make its corpus anew");
        assert!(accepted < inputs.len(), "{name}: nothing is refused");
        let main = fuzz().join("fuzz_targets").join(name).with_extension("rs");
        assert!(main.is_file(), "{} is missing", main.display());
    }
}

#[test]
fn mutated_corpora_are_read_without_a_panic() {
    mutate_all(Duration::from_millis(300));
}

#[test]
#[ignore = "a minute for each target"]
fn corpora_are_mutated_for_long() {
    mutate_all(Duration::from_mins(1));
}

fn mutate_all(each: Duration) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = rng(seed);
    for target in TARGETS {
        let inputs = read(target.0);
        let end = Instant::now() + each;
        let mut count = 0_u64;
        while Instant::now() < end {
            let input = mutated(&mut rng, &inputs);
            run(target, &input, &format!("seed {seed}"));
            count += 1;
        }
        println!("{}: {count} inputs", target.0);
    }
}

/// Runs a target, and shows the input that it panics on.
fn run((name, target): Target, input: &[u8], origin: &str) -> bool {
    let outcome = catch_unwind(|| target(input));
    outcome.unwrap_or_else(|_| panic!("{name} panics ({origin}) on {}", hex(input)))
}

fn mutated(rng: &mut impl Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs.choose(rng).unwrap().clone();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        let end = rng.random_range(at..=bytes.len().min(at + 40));
        match rng.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, *[0, 1, 0x7f, 0x80, 0xff].choose(rng).unwrap()),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => {
                // The end of another one.
                let other = inputs.choose(rng).unwrap();
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at.min(other.len())..]);
            }
            5 => bytes[at..end].iter_mut().for_each(|byte| *byte = rng.random()),
            _ => bytes[at..end]
                .iter_mut()
                .take(1)
                .for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
        }
    }
    bytes.truncate(LENGTH_MAX);
    bytes
}

fn make(name: &str) {
    let (seeds, mut rng) = (seeds(name), rng(30));
    let directory = fuzz().join("corpus").join(name);
    fs::create_dir_all(&directory).unwrap();
    let mut inputs = seeds.clone();
    inputs.push(Vec::new());
    for _ in 0..(MUTATIONS * seeds.len()).clamp(INPUTS_MIN, 24) {
        inputs.push(mutated(&mut rng, &seeds));
    }
    for input in inputs {
        let file = &hex(&Sha256::digest(&input))[..16];
        fs::write(directory.join(file), input).unwrap();
    }
}

fn read(name: &str) -> Vec<Vec<u8>> {
    let directory = fuzz().join("corpus").join(name);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! `sysmaint envelope`: what a bus, a relay and their disks can tell of one message.

use std::io::{self, Read as _};

use serde::Serialize;
use sysmaint_protocol::{EnvelopeFields, limits::ENVELOPE_MAX};
use sysmaint_service::exit::Exit;

use super::devices::document;
use crate::failure::Failure;

/// All of it.
#[derive(Serialize)]
struct Seen {
    bytes: usize,
    /// In hexadecimal digits; another one for each envelope.
    ephemeral_key: String,
    encrypted_sender_bytes: usize,
    encrypted_message_bytes: usize,
}

/// Reads one, and says what can be seen.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(crate) fn run(json: bool) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    io::stdin()
        .take(ENVELOPE_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let seen = seen(&bytes).map_err(|reason| Failure::new(Exit::Data, anyhow::anyhow!(reason)))?;
    if json {
        println!("{}", document(&seen)?);
    } else {
        println!("{}", words(&seen));
    }
    Ok(())
}

fn seen(bytes: &[u8]) -> Result<Seen, String> {
    if bytes.is_empty() {
        return Err("nothing was read: an envelope is expected on standard input".to_owned());
    }
    let length = bytes.len();
    let EnvelopeFields { ephemeral_key, encrypted_static, encrypted_message } =
        EnvelopeFields::parse(bytes)
            .map_err(|error| format!("{length} bytes that are no envelope: {error}"))?;
    Ok(Seen {
        bytes: length,
        ephemeral_key: hex::encode(ephemeral_key),
        encrypted_sender_bytes: encrypted_static.len(),
        encrypted_message_bytes: encrypted_message.len(),
    })
}

fn words(seen: &Seen) -> String {
    let Seen { bytes, ephemeral_key, encrypted_sender_bytes, encrypted_message_bytes } = seen;
    format!(
        "sealed envelope, {bytes} bytes: Signal's sealed sender, version 1\n\
         \x20 ephemeral key       {ephemeral_key}\n\
         \x20 sender, encrypted   {encrypted_sender_bytes} bytes\n\
         \x20 message, encrypted  {encrypted_message_bytes} bytes, padded\n\
         Nothing else can be seen: neither who sent it, nor what it says, nor of what kind it is."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped() -> Vec<u8> {
        let mut bytes = vec![0x11, 0x0a, 33, 5];
        bytes.resize(bytes.len() + 32, 0xab);
        bytes.extend_from_slice(&[0x12, 43]);
        bytes.resize(bytes.len() + 43, 2);
        bytes.extend_from_slice(&[0x1a, 0x80 | 0x2c, 0x04]);
        bytes.resize(bytes.len() + 556, 3);
        bytes
    }

    #[test]
    fn an_envelope_shows_its_sizes_and_a_key_that_is_used_once() {
        let seen = seen(&shaped()).unwrap();
        assert_eq!((seen.encrypted_sender_bytes, seen.encrypted_message_bytes), (43, 556));
        let words = words(&seen);
        let key = format!("05{}", "ab".repeat(32));
        assert!(words.contains(&key) && words.contains("640 bytes"), "{words}");
    }

    #[test]
    fn what_is_no_envelope_is_said_to_be_none() {
        for bytes in [Vec::new(), b"{\"prompt\":\"hi\"}".to_vec(), shaped()[..600].to_vec()] {
            assert!(seen(&bytes).is_err());
        }
    }
}

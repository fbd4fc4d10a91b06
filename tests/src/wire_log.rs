//! What one life of a device put on the bus and got from it, in a file that a kill cannot take
//! back: each record is written before its envelope goes on.

use std::{
    fs::{File, read},
    io::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Transfer id, and how many bytes follow.
const HEAD: usize = 20;

/// A log that is being written.
#[derive(Debug)]
pub struct WireLog(Mutex<File>);

/// One envelope that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Names the bytes; zeros if they came without one.
    pub transfer_id: [u8; 16],
    /// The envelope.
    pub bytes: Vec<u8>,
}

impl WireLog {
    /// A new one. Each life has its own, so that a record which was cut off is the last.
    pub fn create(path: &Path) -> Self {
        Self(Mutex::new(File::create_new(path).unwrap()))
    }

    /// Adds an envelope.
    pub fn note(&self, transfer_id: [u8; 16], bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let record = [&transfer_id, length.as_slice(), bytes].concat();
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&record).unwrap();
    }

    /// All whole records of a log.
    pub fn read(path: &Path) -> Vec<Passed> {
        let bytes = read(path).unwrap();
        let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
        while let Some((head, body)) = rest.split_at_checked(HEAD) {
            let length = u32::from_be_bytes(head[16..].try_into().unwrap()) as usize;
            let Some((envelope, next)) = body.split_at_checked(length) else { break };
            let transfer_id = head[..16].try_into().unwrap();
            found.push(Passed { transfer_id, bytes: envelope.to_vec() });
            rest = next;
        }
        found
    }
}

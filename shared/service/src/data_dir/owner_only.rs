//! Files that only their owner can read, and that are either the old or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Replaces the file at `path` with `bytes`, readable and writable by its owner alone.
///
/// The bytes go to a file beside it, to the disk, and then under the name: a crash at any moment
/// leaves the old content or the new, never a part. A link at `path` is replaced, not followed.
pub fn owner_only_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (mut file, temporary) = create_beside(directory)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to report; what is left behind is one closed file.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(directory)?.sync_all()
}

/// Whether a file can be created and written in `directory`.
pub(super) fn probe(directory: &Path) -> io::Result<()> {
    let (mut file, temporary) = create_beside(directory)?;
    let written = file.write_all(b"x");
    fs::remove_file(temporary)?;
    written
}

fn create_beside(directory: &Path) -> io::Result<(File, PathBuf)> {
    let temporary = directory.join(format!(".{:016x}.tmp", rand::random::<u64>()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    Ok((file, temporary))
}

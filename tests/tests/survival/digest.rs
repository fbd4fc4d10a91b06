//! Files, byte for byte.

use std::{collections::BTreeMap, fs, path::Path};

use sha2::{Digest, Sha256};

/// Every file of a data directory's stores and keys with its digest: databases, their journals,
/// keys and configuration, but not the lock files, which name the process that looked last, and
/// not SQLite's shared indexes, which are made anew from the journals. Sockets hold nothing.
pub(crate) fn digests(data: &Path) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    collect(data, data, &mut digests);
    digests
}

fn collect(root: &Path, directory: &Path, digests: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let is_lock = name == "lock" || path.extension().is_some_and(|end| end == "lock");
        let passing = is_lock || name.ends_with("-shm");
        if path.is_dir() {
            collect(root, &path, digests);
        } else if path.is_file() && !passing {
            let digest = Sha256::digest(fs::read(&path).unwrap());
            digests.insert(name, format!("{digest:x}"));
        }
    }
}

//! The complete source of this binary, inside it: its licence grants that to whoever uses it over
//! a network.

/// The workspace as it was built, `Cargo.lock` included: a gzip tar under one directory.
pub(crate) static ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/source.tar.gz"));

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path, process::Command};

    use super::ARCHIVE;

    fn archived() -> BTreeSet<String> {
        let top = concat!("sysmaint-", env!("CARGO_PKG_VERSION"), "/");
        tar::Archive::new(flate2::read::GzDecoder::new(ARCHIVE))
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
            .map(|path| path.strip_prefix(top).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_archive_can_be_built_from_and_holds_nothing_private() {
        let archived = archived();
        for needed in [
            "Cargo.lock",
            "Cargo.toml",
            "LICENSE",
            "NOTICE",
            "cli/src/source.rs",
            "web/ui/package-lock.json",
        ] {
            assert!(archived.contains(needed), "{needed} is not in the archive");
        }
        for path in &archived {
            let private = path.split('/').any(|part| {
                matches!(part, ".env" | ".git" | "data" | "dist" | "node_modules" | "target")
            });
            assert!(!private, "{path} is in the archive");
        }
    }

    /// Holds in a git work tree; an unpacked archive has none, and nothing to compare with.
    #[test]
    fn the_archive_holds_every_file_that_git_tracks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        if !root.join(".git").exists() {
            return;
        }
        let output =
            Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().unwrap();
        assert!(output.status.success());
        let archived = archived();
        let tracked = String::from_utf8(output.stdout).unwrap();
        let missing: Vec<_> = tracked
            .split_terminator('\0')
            .filter(|path| root.join(path).is_file() && !archived.contains(*path))
            .collect();
        assert!(missing.is_empty(), "not in the archive; add them to build.rs: {missing:?}");
    }
}

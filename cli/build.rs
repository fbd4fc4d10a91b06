//! Packs the source of the whole workspace, so that the binary can hand out its own source.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

/// What belongs to the source at the top of the workspace. A list of what is taken, not of what
/// is left out: whatever else lies there (data, keys, settings) must never be handed out.
const TOP: [&str; 36] = [
    ".ci",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".github",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "Dockerfile",
    "LICENSE",
    "LICENSE-AGPL-3.0",
    "Makefile",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "agent",
    "cli",
    "clippy.toml",
    "deny.toml",
    "docker-compose.yml",
    "docs",
    "fuzz",
    "nats.conf",
    "packaging",
    "probe",
    "relay-bridge",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "scripts",
    "shared",
    "tests",
    "web",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("..").canonicalize()?;
    let archive = PathBuf::from(variable("OUT_DIR")?).join("source.tar.gz");
    let top = format!("sysmaint-{}", variable("CARGO_PKG_VERSION")?);

    let mut files = BTreeSet::new();
    for name in TOP {
        let path = root.join(name);
        if path.exists() {
            collect(&path, &mut files)?;
            watch(&path)?;
        }
    }
    pack(&root, &top, &files, File::create(&archive)?)?;
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Whether something below the top is made by tools or people and is not source.
fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let made = ["node_modules", "target", ".git", "dist", ".env", "data", "__pycache__"];
    made.contains(&&*name) || matches!(&*extension, "db" | "db-shm" | "db-wal")
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if is_left_out(path) {
        return Ok(());
    }
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_file() {
        files.insert(path.to_owned());
    } else if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// Lets cargo run this again when the source changes. cargo looks at everything below a directory
/// that it is given, so one that holds something left out is given by its parts.
fn watch(path: &Path) -> io::Result<()> {
    if is_left_out(path) {
        return Ok(());
    }
    if path.is_dir() && holds_left_out(path)? {
        for entry in fs::read_dir(path)? {
            watch(&entry?.path())?;
        }
    } else {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    Ok(())
}

fn holds_left_out(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if is_left_out(&path) || (entry.file_type()?.is_dir() && holds_left_out(&path)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same files give the same bytes: in order, without times and owners.
fn pack(root: &Path, top: &str, files: &BTreeSet<PathBuf>, out: File) -> io::Result<()> {
    let mut tar = Builder::new(GzEncoder::new(out, Compression::best()));
    for file in files {
        let bytes = fs::read(file)?;
        let executable = fs::metadata(file)?.permissions().mode() & 0o100 != 0;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        let name = file.strip_prefix(root).map_err(io::Error::other)?;
        tar.append_data(&mut header, Path::new(top).join(name), bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?.flush()
}

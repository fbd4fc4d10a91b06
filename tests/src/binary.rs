//! The programs under test.

use std::path::PathBuf;

/// The built `sysmaint`: the one named in `SYSMAINT_BIN`, or the one beside the test that runs.
pub fn sysmaint() -> PathBuf {
    if let Some(named) = std::env::var_os("SYSMAINT_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap();
    let directory = test.parent().and_then(|deps| deps.parent()).unwrap();
    let binary = directory.join("sysmaint");
    assert!(
        binary.exists(),
        "{} is not built: run `make test`, or `cargo build --release -p sysmaint` first",
        binary.display()
    );
    binary
}

/// A `nats-server`: the one named in `NATS_SERVER_BIN`, the downloaded one, or the one on PATH.
pub fn nats_server() -> PathBuf {
    if let Some(named) = std::env::var_os("NATS_SERVER_BIN") {
        return named.into();
    }
    let downloaded =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/bin/nats-server"));
    if downloaded.exists() { downloaded } else { "nats-server".into() }
}

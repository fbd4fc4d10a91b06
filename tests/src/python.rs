//! Tools in Python that others wrote, as `scripts/provision --tests` installed them.

use std::path::{Path, PathBuf};

/// A program of the virtual environment in `.tools/python`.
pub fn python_tool(name: &str) -> PathBuf {
    let program = python_tools().join(name);
    assert!(program.exists(), "{name} is not installed: run `make test`, which installs it");
    program
}

/// Where they all are.
pub fn python_tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/python/bin")
}

//! A Chromium, and what drives it.

use std::{
    env,
    path::{Path, PathBuf},
};

use sysmaint_tests::skip;

/// Names it.
const NAMED: &str = "SYSMAINT_CHROMIUM";
/// What it is called where it is not named.
const USUAL: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser that scripts of `tests/browser` can drive.
#[derive(Debug)]
pub(crate) struct Chromium(PathBuf);

impl Chromium {
    /// The one of this machine. Where there is none, that is said aloud.
    pub(crate) fn find() -> Option<Self> {
        match Self::look() {
            Ok(found) => Some(found),
            Err(reason) => {
                skip("a test of the pages in a browser", &reason);
                None
            }
        }
    }

    /// Its program.
    pub(crate) fn program(&self) -> &Path {
        &self.0
    }

    fn look() -> Result<Self, String> {
        if !scripts().join("node_modules/playwright-core").exists() {
            return Err("its npm packages are not installed: run `make provision-test`".into());
        }
        if let Some(named) = env::var_os(NAMED) {
            return Ok(Self(named.into()));
        }
        let paths = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&paths)
            .flat_map(|directory| USUAL.map(|name| directory.join(name)))
            .find(|program| program.is_file());
        let none = || format!("there is no {}; install chromium, or name it in {NAMED}", USUAL[0]);
        found.map(Self).ok_or_else(none)
    }
}

/// `tests/browser`.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// `screenshots` in the directory that cargo builds into.
pub(crate) fn screenshots() -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    target.join("screenshots")
}

//! A small file system of one's own, where this may be had.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// A mounted tmpfs, until it is dropped.
pub(crate) struct Mount(TempDir);

impl Mount {
    /// Of this size. `None`, said loudly, where nothing may be mounted.
    pub(crate) fn tmpfs(size: &str) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let options = format!("size={size},mode=700");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], directory.path());
        match mounted {
            Ok(()) => Some(Self(directory)),
            Err(reason) => {
                eprintln!("SKIPPED: a tmpfs cannot be mounted here: {reason}");
                None
            }
        }
    }

    pub(crate) fn make_read_only(&self) {
        mount(&["-o", "remount,ro"], self.path()).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that is being stopped may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(arguments: &[&str], directory: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(arguments).arg(directory).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

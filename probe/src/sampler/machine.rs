//! What a host is: what does not change as long as it runs.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use sysmaint_protocol::sample::{Sample, Virtualization};

use super::{name::plain, virtualization::detect};

/// Bytes of a host's name for itself; Linux allows 64.
pub(super) const HOST_NAME_MAX: usize = 64;

/// Bytes of a processor's model.
pub(super) const CPU_MODEL_MAX: usize = 128;

/// Of a file that says what the host is. The first processor's part of `cpuinfo` is a tenth.
const READ_MAX: u64 = 16 * 1024;

/// Read once.
#[derive(Debug)]
pub(super) struct Machine {
    host_name: Option<String>,
    cpu_model: Option<String>,
    virtualization: Option<Virtualization>,
}

impl Machine {
    /// From the files of this host.
    pub(super) fn read() -> Self {
        Self::below(&Files::below(Path::new("/")))
    }

    #[cfg(test)]
    pub(super) fn unreadable() -> Self {
        Self { host_name: None, cpu_model: None, virtualization: None }
    }

    fn below(files: &Files) -> Self {
        let short = |text: &str, max| Some(plain(text, max)).filter(|text| !text.is_empty());
        let host_name = files.text("proc/sys/kernel/hostname");
        let processors = files.text("proc/cpuinfo").unwrap_or_default();
        Self {
            host_name: host_name.and_then(|name| short(&name, HOST_NAME_MAX)),
            cpu_model: field(&processors, "model name")
                .and_then(|model| short(model, CPU_MODEL_MAX)),
            virtualization: detect(files, &processors),
        }
    }

    /// Writes what [`read`](Self::read) found.
    pub(super) fn fill(&self, sample: &mut Sample) {
        sample.host_name.clone_from(&self.host_name);
        sample.cpu_model.clone_from(&self.cpu_model);
        sample.virtualization = self.virtualization;
    }
}

/// The first value of a name in `cpuinfo`.
pub(super) fn field<'a>(processors: &'a str, name: &str) -> Option<&'a str> {
    let lines = processors.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// The files of a host.
#[derive(Debug)]
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// The beginning of a file; `None` if it is not there or must not be read.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(self.0.join(path)).ok()?.take(READ_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_machine_is_called_as_its_files_say() {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("proc/sys/kernel")).unwrap();
        fs::write(root.path().join("proc/sys/kernel/hostname"), "web\u{1b}1\n").unwrap();
        let processors = "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fpu\n\nprocessor\t: 1";
        fs::write(root.path().join("proc/cpuinfo"), processors).unwrap();
        let machine = Machine::below(&Files::below(root.path()));
        assert_eq!(machine.host_name.as_deref(), Some("web\u{fffd}1"));
        assert_eq!(machine.cpu_model.as_deref(), Some("Fast CPU"));
        assert_eq!(machine.virtualization, Some(Virtualization::None));
    }

    #[test]
    fn a_machine_whose_files_cannot_be_read_is_unknown() {
        let root = TempDir::new().unwrap();
        let machine = Machine::below(&Files::below(root.path()));
        assert_eq!((machine.host_name, machine.cpu_model), (None, None));
        assert_eq!(machine.virtualization, None);
    }
}

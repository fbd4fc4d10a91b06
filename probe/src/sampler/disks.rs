//! Mounted file systems.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    path::Path,
};

use sysinfo::DiskRefreshKind;
use sysmaint_protocol::sample::Disk;

use super::{Elapsed, name::plain, rate::per_second};

/// File systems in a sample.
pub(super) const DISKS_MAX: usize = 64;

/// Bytes of a mount point.
pub(super) const MOUNT_MAX: usize = 128;

/// Bytes of a file system's type.
pub(super) const FILE_SYSTEM_MAX: usize = 32;

/// The kernel's own file systems, images and archives: never full, or always.
const PSEUDO: [&str; 17] = [
    "tmpfs",
    "devtmpfs",
    "ramfs",
    "squashfs",
    "erofs",
    "iso9660",
    "udf",
    "efivarfs",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "bpf",
    "binfmt_misc",
    "fusectl",
    "nsfs",
    "autofs",
];

/// File systems behind a network. Asking one whose server is gone never returns.
const REMOTE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "afs"];

/// Single files that container runtimes mount; the disk behind them is listed elsewhere.
const CONTAINER_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The file systems and their counters at the sample before.
pub(super) struct Disks {
    list: Option<sysinfo::Disks>,
    before: HashMap<OsString, Counters>,
}

#[derive(Clone, Copy)]
struct Counters {
    read: u64,
    written: u64,
}

#[derive(Clone, Copy)]
struct Space {
    total: u64,
    used: u64,
}

impl Disks {
    pub(super) fn new() -> Self {
        Self { list: sysinfo::Disks::new().ok(), before: HashMap::new() }
    }

    #[cfg(test)]
    pub(super) fn unreadable() -> Self {
        Self { list: None, before: HashMap::new() }
    }

    /// Reads all file systems that hold data of this host, each once.
    pub(super) fn read(&mut self, elapsed: Elapsed) -> Vec<Disk> {
        let Some(list) = &mut self.list else { return Vec::new() };
        // Sizes are read below, and only for what is shown.
        list.refresh_specifics(true, DiskRefreshKind::nothing().with_io_usage());
        let mut now = HashMap::new();
        let mut read = Vec::new();
        for disk in shown(list) {
            let Some(space) = space(disk.mount_point()) else { continue };
            let counters = counters(disk);
            let before = self.before.get(disk.name()).copied();
            let rate = |of: fn(Counters) -> u64| per_second(of(before?), of(counters?), elapsed?);
            read.push(Disk {
                mount: plain(&disk.mount_point().to_string_lossy(), MOUNT_MAX),
                file_system: plain(&disk.file_system().to_string_lossy(), FILE_SYSTEM_MAX),
                total_bytes: space.total,
                used_bytes: space.used,
                read_bytes_per_s: rate(|counters| counters.read),
                write_bytes_per_s: rate(|counters| counters.written),
            });
            now.extend(counters.map(|counters| (disk.name().to_owned(), counters)));
        }
        self.before = now;
        read
    }
}

/// What is worth showing, one mount a device, the outermost first.
fn shown(list: &sysinfo::Disks) -> Vec<&sysinfo::Disk> {
    let real =
        |disk: &&sysinfo::Disk| is_real(&disk.file_system().to_string_lossy(), disk.mount_point());
    let mut disks: Vec<_> = list.iter().filter(real).collect();
    disks.sort_by_key(|disk| depth(disk.mount_point()));
    let mut seen = HashSet::new();
    disks.retain(|disk| seen.insert(device(disk.name(), disk.id())));
    disks.truncate(DISKS_MAX);
    disks
}

fn is_real(file_system: &str, mount: &Path) -> bool {
    let user_space = file_system.starts_with("fuse.") && file_system != "fuse.mergerfs";
    // A container's own root is an overlay; every other one is a container on this host, whose
    // files are on a disk that is listed.
    let inner = file_system == "overlay" && mount != Path::new("/");
    let container_file = CONTAINER_FILES.iter().any(|file| mount == Path::new(file));
    let pseudo = PSEUDO.contains(&file_system);
    let remote = REMOTE.contains(&file_system);
    !(pseudo || remote || user_space || inner || container_file)
}

fn depth(mount: &Path) -> (usize, &Path) {
    (mount.components().count(), mount)
}

/// What two mounts of the same device have in common: the device's path, by which also the
/// subvolumes of one file system are one, or else the kernel's number.
fn device(source: &OsStr, number: Option<u64>) -> (Option<&OsStr>, Option<u64>) {
    let named = Path::new(source).starts_with("/dev") || number.is_none();
    if named { (Some(source), None) } else { (None, number) }
}

/// Used as `df` says it, and as total what users can fill, so that a disk on which nobody but
/// root can write anything is 100 % full.
fn space(mount: &Path) -> Option<Space> {
    let stat = rustix::fs::statvfs(mount).ok()?;
    let bytes = |blocks: u64| blocks.checked_mul(stat.f_frsize);
    let used = bytes(stat.f_blocks.checked_sub(stat.f_bfree)?)?;
    let total = used.checked_add(bytes(stat.f_bavail)?)?;
    (total > 0).then_some(Space { total, used })
}

/// Absent where the kernel keeps no count for the device: what is mounted has been read.
fn counters(disk: &sysinfo::Disk) -> Option<Counters> {
    let usage = disk.usage();
    let counted = usage.total_read_bytes > 0 || usage.total_written_bytes > 0;
    counted.then_some(Counters { read: usage.total_read_bytes, written: usage.total_written_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_file_systems_with_data_of_this_host_are_shown() {
        let real = |file_system, mount| is_real(file_system, Path::new(mount));
        assert!(real("ext4", "/") && real("overlay", "/") && real("zfs", "/tank"));
        assert!(real("fuseblk", "/media/stick") && real("fuse.mergerfs", "/pool"));
        assert!(!real("tmpfs", "/tmp") && !real("squashfs", "/snap/core/1"));
        assert!(!real("overlay", "/var/lib/docker/overlay2/x/merged"));
        assert!(!real("nfs4", "/home") && !real("fuse.sshfs", "/mnt/far"));
        assert!(!real("ext4", "/etc/hosts"));
    }

    #[test]
    fn mounts_of_one_device_are_one() {
        let disk = OsStr::new("/dev/vda1");
        assert_eq!(device(disk, Some(1)), device(disk, Some(2)), "subvolumes");
        let overlay = OsStr::new("overlay");
        assert_ne!(device(overlay, Some(1)), device(overlay, Some(2)));
        assert_ne!(device(OsStr::new("tank/a"), None), device(OsStr::new("tank/b"), None));
    }

    #[test]
    fn the_outermost_mount_stands_for_its_device() {
        let mut mounts = ["/var/lib/x", "/data", "/"].map(Path::new);
        mounts.sort_by_key(|mount| depth(mount));
        assert_eq!(mounts, ["/", "/data", "/var/lib/x"].map(Path::new));
    }

    #[test]
    fn the_root_has_a_size() {
        let space = space(Path::new("/")).unwrap();
        assert!(space.used > 0 && space.used <= space.total);
        assert!(super::space(Path::new("/proc/self/no such place")).is_none());
    }
}

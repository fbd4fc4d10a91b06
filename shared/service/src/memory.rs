//! Memory that only the start needed.
//!
//! Deriving keys, TLS and the first handshakes allocate what they free again, and the allocator
//! keeps it for the process: the system counts it as resident for as long as that lives. The code
//! that did all this is counted too, though the page cache has it for whoever needs it again.

use std::time::Duration;

/// After which a process has started, and its sessions are open.
pub const STARTED_AFTER: Duration = Duration::from_secs(15);

/// Gives back to the system what a process that has started needs no more, where that is known how.
pub fn give_back() {
    give_back_freed();
    #[cfg(target_os = "linux")]
    code::give_back();
}

/// What was allocated and freed.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "there is no safe call for it"))]
fn give_back_freed() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator locks itself, and returns nothing but what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The program's own code, as it is mapped into the process.
#[cfg(target_os = "linux")]
mod code {
    use std::{fs, ops::Range, os::unix::fs::MetadataExt as _};

    /// Lets go of every page of it. Those that are still needed come back from the page cache one
    /// by one, as they are run.
    #[expect(unsafe_code, reason = "there is no safe call for it")]
    pub(super) fn give_back() {
        let Ok(program) = fs::metadata("/proc/self/exe") else { return };
        let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
        for Range { start, end } in mapped(&maps, program.ino()) {
            // SAFETY: pages of a file that are mapped to be read and run, and that nobody could
            // write to, are the same when they are read from that file again.
            unsafe {
                libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED);
            }
        }
    }

    /// Where a file is mapped to be run and not to be written, of what `proc_pid_maps(5)` shows.
    fn mapped(maps: &str, inode: u64) -> Vec<Range<usize>> {
        let range = |line: &str| {
            let mut columns = line.split_ascii_whitespace();
            let (addresses, permissions) = (columns.next()?, columns.next()?);
            let (_offset, _device) = (columns.next()?, columns.next()?);
            let of: u64 = columns.next()?.parse().ok()?;
            let (start, end) = addresses.split_once('-')?;
            let address = |text| usize::from_str_radix(text, 16).ok();
            let range = address(start)?..address(end)?;
            (of == inode && permissions == "r-xp" && !range.is_empty()).then_some(range)
        };
        maps.lines().filter_map(range).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn code_of_the_program_alone_is_given_back() {
            let maps = "\
55d0c0a00000-55d0c0c00000 r--p 00000000 fe:01 77                         /usr/bin/sysmaint
55d0c0c00000-55d0c1800000 r-xp 00200000 fe:01 77                         /usr/bin/sysmaint
55d0c1800000-55d0c1900000 r--p 00e00000 fe:01 77                         /usr/bin/sysmaint
55d0c1900000-55d0c1910000 rw-p 00f00000 fe:01 77                         /usr/bin/sysmaint
55d0c2000000-55d0c2100000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000200000 r-xp 00026000 fe:01 78                         /usr/lib/libc.so.6
7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]
what is this
";
            let code = 0x55d0_c0c0_0000..0x55d0_c180_0000;
            assert_eq!(mapped(maps, 77), std::slice::from_ref(&code));
            assert!(mapped(maps, 79).is_empty());
        }

        #[test]
        fn a_process_runs_on_after_its_code_was_given_back() {
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            let inode = fs::metadata("/proc/self/exe").unwrap().ino();
            assert!(!mapped(&maps, inode).is_empty());
            let numbers: Vec<u64> = (0..1000).collect();
            super::super::give_back();
            assert_eq!(numbers.iter().sum::<u64>(), 499_500);
        }
    }
}

//! Who listens on a port.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
};

/// The listening state in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Whether it is free to listen on; port 0 is replaced by one that is free at this moment.
pub(super) fn claim(port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(listener.local_addr()?.port())
}

/// The process that listens on it, where the system lets us see that.
pub(super) fn holder(port: u16) -> Option<u32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(&Path::new("/proc").join(pid.to_string()).join("fd"), &socket))
}

fn listening_inode(table: &str, port: u16) -> Option<u64> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let matches = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTENING;
        if matches { fields.get(9)?.parse().ok() } else { None }
    })
}

fn holds(descriptors: &Path, socket: &str) -> bool {
    fs::read_dir(descriptors).is_ok_and(|entries| {
        entries
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == socket)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_and_its_holder_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(claim(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        if cfg!(target_os = "linux") {
            assert_eq!(holder(port), Some(std::process::id()));
        }
        assert_ne!(claim(0).unwrap(), 0);
    }

    #[test]
    fn a_port_that_was_let_go_is_free() {
        // Another test may get it at that very moment, but not each time.
        let is_free = |_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            claim(port).is_ok_and(|claimed| claimed == port)
        };
        assert!((0..20).any(is_free));
    }
}

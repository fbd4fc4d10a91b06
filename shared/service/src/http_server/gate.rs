//! Counts connections, in all and for each peer, and says when there are too many.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{Limits, Peer};

/// Lets connections in.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    most_per_peer: usize,
    counts: Mutex<Counts>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    peers: HashMap<Peer, usize>,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The listener has as many as it takes.
    All,
    /// This peer has as many as one may have.
    Peer,
}

/// A connection's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    counted: Option<Peer>,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections,
            most_per_peer: limits.connections_per_peer,
            counts: Mutex::default(),
            left: Notify::new(),
        }
    }

    /// A place for a connection from `peer`.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let counted = counted_as(peer);
        let mut counts = self.counts();
        if counts.open >= self.most {
            return Err(Full::All);
        }
        if let Some(peer) = counted {
            let of_peer = counts.peers.entry(peer).or_default();
            if *of_peer >= self.most_per_peer {
                return Err(Full::Peer);
            }
            *of_peer += 1;
        }
        counts.open += 1;
        Ok(Place { gate: Arc::clone(self), counted })
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.counts().open
    }

    /// Waits until none is open.
    pub(super) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if self.open() == 0 {
                return;
            }
            left.await;
        }
    }

    /// Nothing panics while it holds the lock, so the counts hold even if somebody had.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.open = counts.open.saturating_sub(1);
        if let Some(Entry::Occupied(mut peer)) = self.counted.map(|peer| counts.peers.entry(peer)) {
            *peer.get_mut() -= 1;
            if *peer.get() == 0 {
                peer.remove();
            }
        }
        drop(counts);
        self.gate.left.notify_waiters();
    }
}

/// Nobody's connections are counted that come from this machine.
fn counted_as(peer: IpAddr) -> Option<Peer> {
    (!peer.to_canonical().is_loopback()).then(|| peer.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: usize, connections_per_peer: usize) -> Arc<Gate> {
        let limits = Limits { connections, connections_per_peer, ..Limits::default() };
        Arc::new(Gate::new(&limits))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_has_its_bound_and_all_have_theirs() {
        let gate = gate(3, 2);
        let (first, second) = (gate.admit(ip("192.0.2.1")), gate.admit(ip("192.0.2.1")));
        assert_eq!(gate.admit(ip("::ffff:192.0.2.1")).unwrap_err(), Full::Peer);
        let other = gate.admit(ip("192.0.2.2")).unwrap();
        assert_eq!(gate.admit(ip("192.0.2.3")).unwrap_err(), Full::All);
        drop(first);
        assert_eq!(gate.open(), 2);
        gate.admit(ip("192.0.2.1")).unwrap();
        drop((second, other));
        assert_eq!(gate.open(), 0);
        assert!(gate.counts().peers.is_empty(), "what is not open is not remembered");
    }

    #[test]
    fn an_ipv6_network_is_one_peer_and_loopback_is_none() {
        let gate = gate(100, 1);
        let _one = gate.admit(ip("2001:db8::1")).unwrap();
        assert_eq!(gate.admit(ip("2001:db8::2:3")).unwrap_err(), Full::Peer);
        let _other = gate.admit(ip("2001:db8:0:1::1")).unwrap();
        let near = ["127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1"];
        let _near: Vec<_> = near.map(|near| gate.admit(ip(near)).unwrap()).into();
    }
}

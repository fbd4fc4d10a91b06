//! Who is at the other end of a connection, as far as it can be told.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{
        HeaderMap, HeaderName,
        header::{FORWARDED, HOST},
        request::Parts,
    },
};
use sysmaint_service::http_server::Peer;

use crate::Origin;

/// Headers that proxies add. A request with one of them comes from elsewhere, whatever its peer.
const PROXIED: [HeaderName; 4] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

/// Where a request comes from. Loopback needs a loopback peer, no sign of a proxy, and a loopback
/// `Host`: a page that a browser shows can reach this machine under a name of its own.
pub(super) fn origin(parts: &Parts) -> Origin {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let near = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let direct = PROXIED.iter().all(|name| !parts.headers.contains_key(name));
    if near && direct && has_loopback_host(&parts.headers) {
        Origin::Loopback
    } else {
        Origin::Network
    }
}

/// On whose account a request goes that shows no token: nobody's if it comes from this machine.
pub(super) fn peer(parts: &Parts) -> Option<Peer> {
    (origin(parts) == Origin::Network).then(|| Peer::of(&parts.extensions))
}

fn has_loopback_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn verdict(peer: &str, headers: &[(&str, &str)]) -> Origin {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        origin(&request.into_parts().0)
    }

    #[test]
    fn a_loopback_peer_with_a_loopback_host_is_near() {
        for (peer, host) in [
            ("127.0.0.1:5", "localhost:8080"),
            ("127.0.0.1:5", "127.0.0.1"),
            ("[::1]:5", "[::1]:8080"),
            ("[::ffff:127.0.0.1]:5", "LOCALHOST"),
        ] {
            assert_eq!(verdict(peer, &[("host", host)]), Origin::Loopback, "{peer} {host}");
        }
    }

    #[test]
    fn everything_else_is_far() {
        assert_eq!(verdict("10.0.0.7:5", &[("host", "localhost")]), Origin::Network);
        assert_eq!(verdict("127.0.0.1:5", &[]), Origin::Network);
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil", "[::1", "", "::1"]
        {
            assert_eq!(verdict("127.0.0.1:5", &[("host", host)]), Origin::Network, "{host}");
        }
        for name in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
            let headers = [("host", "localhost"), (name, "10.0.0.7")];
            assert_eq!(verdict("127.0.0.1:5", &headers), Origin::Network, "{name}");
        }
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(verdict("127.0.0.1:5", &twice), Origin::Network);
    }
}

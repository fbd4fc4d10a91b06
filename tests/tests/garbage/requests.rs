//! Garbage for the HTTP servers.

use sysmaint_tests::Web;

use crate::random;

/// A port, what is wrong, and the bytes.
pub(crate) type Attempt = (u16, &'static str, Vec<u8>);

/// Bytes that are no request, or hardly one.
pub(crate) fn garbled_requests(server: &Web) -> Vec<Attempt> {
    let (port, host) = (server.port(), format!("localhost:{}", server.port()));
    let get = |headers: &str| request(server, "GET", "/", headers, b"");
    let mut all = vec![
        ("tls", [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &random(500)].concat()),
        (
            "http/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(),
        ),
        ("no version", format!("GET /\r\nhost: {host}\r\n\r\n").into_bytes()),
        ("odd version", format!("GET / HTTP/9.9\r\nhost: {host}\r\n\r\n").into_bytes()),
        ("long path", request(server, "GET", &format!("/{}", "a".repeat(100_000)), "", b"")),
        ("large header", get(&format!("x-large: {}\r\n", "x".repeat(1_000_000)))),
        ("many headers", get(&"x-many: x\r\n".repeat(10_000))),
        ("nul in header", get("x-nul: \0\r\n")),
        ("no colon", get("nonsense\r\n")),
        ("odd length", get("content-length: abc\r\n")),
        ("negative length", get("content-length: -1\r\n")),
        ("two lengths", get("content-length: 1\r\ncontent-length: 2\r\n")),
        ("odd coding", get("transfer-encoding: nonsense\r\n")),
        ("another host", b"GET /api/chat HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_vec()),
    ];
    for method in ["DELETE", "PATCH", "TRACE", "NONSENSE", "get"] {
        all.push((method, request(server, method, "/health", "", b"")));
    }
    all.extend((0..20).map(|_| {
        let mut bytes = random(2000);
        bytes.extend_from_slice(b"\r\n\r\n");
        ("random bytes", bytes)
    }));
    all.into_iter().map(|(label, bytes)| (port, label, bytes)).collect()
}

/// Bodies that no call takes.
pub(crate) fn garbled_bodies(server: &Web, path: &str) -> Vec<Attempt> {
    let deep = |open: &str| format!(r#"{{"prompt":{}"#, open.repeat(200_000)).into_bytes();
    let mut bodies = vec![
        ("no json", b"hello".to_vec()),
        ("deep lists", deep("[")),
        ("deep objects", deep(r#"{"a":"#)),
        ("invalid utf-8", b"{\"prompt\":\"\xff\xfe\"}".to_vec()),
        ("half a pair", br#"{"prompt":"\ud800"}"#.to_vec()),
        ("wrong types", br#"{"prompt":[1],"identity":{},"to":1,"messages":"x"}"#.to_vec()),
        ("infinite number", br#"{"prompt":1e999,"device_id":1e999}"#.to_vec()),
        ("unknown field", br#"{"nonsense":1}"#.to_vec()),
        ("a list", b"[1]".to_vec()),
        ("large", vec![b'['; 10_000_000]),
    ];
    bodies.extend((0..5).map(|_| ("random body", random(3000))));
    let mut all: Vec<_> = bodies
        .into_iter()
        .map(|(label, body)| (server.port(), label, json_request(server, path, &body)))
        .collect();
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let odd = [request(server, "POST", path, chunked, b"zz\r\nnonsense\r\n0\r\n\r\n")];
    let form = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 8\r\n";
    all.extend(odd.map(|bytes| (server.port(), "odd chunk", bytes)));
    all.push((server.port(), "form", request(server, "POST", path, form, b"prompt=x")));
    all
}

/// Paths and queries that lead nowhere.
pub(crate) fn wrong_addresses(web: &Web, relay: &Web) -> Vec<Attempt> {
    let at_web = [
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/state.db",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/api/chat/not-an-id",
        "/api/chat/%ff%00",
        "/api/e2ee/pull?as=%ff&after=0",
        "/api/e2ee/pull?as=bob&after=-1",
        "/api/e2ee/pull?as=carol&after=0",
        "/api/status/history?host=..%2f..&range=1h",
        "/api/status/history?host=diagprobe&range=9y",
    ];
    let at_relay = ["/v1/prekeys/..%2f..", "/v1/prekeys/%ff", "/v1/prekeys/A%20B", "/v1/../etc"];
    let attempt = |server: &Web, path: &str| {
        (server.port(), "address", request(server, "GET", path, "authorization: Bearer x\r\n", b""))
    };
    let all = at_web.iter().map(|path| attempt(web, path));
    all.chain(at_relay.iter().map(|path| attempt(relay, path))).collect()
}

pub(crate) fn request(
    server: &Web,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Vec<u8> {
    let port = server.port();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn json_request(server: &Web, path: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    request(server, "POST", path, &headers, body)
}

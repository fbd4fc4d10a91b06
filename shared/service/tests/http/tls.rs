//! TLS: a handshake, renewal while connections are open, and files that are wrong.

use std::{
    fs,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use sysmaint_service::http_server::{Limits, ListenError, Listener, TlsFiles};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{
    certificates::{make, shake_hands},
    stage::{PATIENCE, Stage},
};

async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer[..read].to_vec()).unwrap()
}

/// Waits until those who trust this certificate can connect.
async fn until_shown(stage: &Stage, files: &TlsFiles) -> TlsStream<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match shake_hands(stage.address, &files.certificate).await {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let directory = TempDir::new().unwrap();
    let (old, new) = (make(directory.path(), "old"), make(directory.path(), "new"));
    let used = TlsFiles {
        certificate: directory.path().join("used.pem"),
        key: directory.path().join("used.key"),
    };
    let put = |files: &TlsFiles| {
        fs::copy(&files.key, &used.key).unwrap();
        fs::copy(&files.certificate, &used.certificate).unwrap();
    };
    put(&old);
    let stage = Stage::with(Limits::default(), Some(&used)).await;
    let mut open = shake_hands(stage.address, &old.certificate).await.unwrap();
    assert!(get(&mut open, "/").await.ends_with("here"));

    // The certificate of one and the key of the other: an unfinished renewal.
    fs::copy(&new.certificate, &used.certificate).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut still = shake_hands(stage.address, &old.certificate).await.unwrap();
    assert!(get(&mut still, "/").await.ends_with("here"));
    fs::write(&used.certificate, "nonsense").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    shake_hands(stage.address, &old.certificate).await.unwrap();

    put(&new);
    let mut renewed = until_shown(&stage, &new).await;
    assert!(get(&mut renewed, "/").await.ends_with("here"));
    assert!(shake_hands(stage.address, &old.certificate).await.is_err());
    assert!(get(&mut open, "/").await.ends_with("here"), "what was open stays open");
    stage.end().await;
}

#[tokio::test]
async fn plain_http_and_silence_are_no_handshake() {
    let directory = TempDir::new().unwrap();
    let files = make(directory.path(), "server");
    let limits = Limits { header_time: Duration::from_millis(300), ..Limits::default() };
    let stage = Stage::with(limits, Some(&files)).await;
    let (mut plain, mut silent) = (stage.connect().await, stage.connect().await);
    plain.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.rest().await.contains("here"));
    assert_eq!(silent.rest().await, "");
    stage.events("tls_failed", 2).await;
    stage.end().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_and_not_quoted() {
    let directory = TempDir::new().unwrap();
    let (one, other) = (make(directory.path(), "one"), make(directory.path(), "other"));
    let absent = directory.path().join("absent.pem");
    let broken = directory.path().join("broken.key");
    let key = fs::read_to_string(&one.key).unwrap();
    let secret = key.lines().nth(1).unwrap();
    fs::write(&broken, format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END")).unwrap();
    let refused = async |certificate: &std::path::Path, key: &std::path::Path| {
        let files = TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() };
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Some(&files)).await;
        let Err(ListenError::Tls(error)) = listener else { panic!("{files:?} was taken") };
        let text = format!("{error} {error:?}");
        assert!(!text.contains(secret), "{text}");
        error.to_string()
    };
    let text = refused(&absent, &one.key).await;
    assert!(text.contains("absent.pem") && text.contains("cannot be read"), "{text}");
    let text = refused(&one.certificate, &other.key).await;
    assert!(text.contains("one.pem") && text.contains("other.key"), "{text}");
    let text = refused(&one.key, &one.key).await;
    assert!(text.contains("one.key holds no certificate"), "{text}");
    let text = refused(&one.certificate, &one.certificate).await;
    assert!(text.contains("one.pem holds no private key"), "{text}");
    let text = refused(&one.certificate, &broken).await;
    assert!(text.contains("broken.key"), "{text}");
}

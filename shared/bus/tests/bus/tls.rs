//! TLS towards NATS: who is believed, and what is said of those who are not.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sysmaint_bus::{
    Bus, BusConfig, ClientIdentity, ClientTls, ConnectError,
    conf::{ServerConfig, ServerTls, render},
};
use tokio_util::sync::CancellationToken;

use crate::{
    manual::{Manual, free_ports, server_config},
    site::{Directory, PATIENCE, credentials},
};

/// An authority and what it signs, made by the openssl command.
struct Authority<'a> {
    directory: &'a Path,
    name: &'static str,
}

impl<'a> Authority<'a> {
    fn new(directory: &'a Path, name: &'static str) -> Self {
        let authority = Self { directory, name };
        let (key, certificate) = (authority.file("key"), authority.certificate());
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            text(&key),
            "-out",
            text(&certificate),
        ]);
        authority
    }

    /// A certificate for this machine under one name, and its key.
    fn sign(&self, what: &str, san: &str, days: &str) -> (PathBuf, PathBuf) {
        let path = |ending: &str| self.directory.join(format!("{what}.{ending}"));
        let (key, request, certificate) = (path("key"), path("csr"), path("pem"));
        openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=somebody",
            "-keyout",
            text(&key),
            "-out",
            text(&request),
        ]);
        let extensions = path("ext");
        std::fs::write(&extensions, format!("subjectAltName={san}\nbasicConstraints=CA:FALSE\n"))
            .unwrap();
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-CA",
            text(&self.certificate()),
            "-CAkey",
            text(&self.file("key")),
            "-set_serial",
            "7",
            "-days",
            days,
            "-extfile",
            text(&extensions),
            "-out",
            text(&certificate),
        ]);
        (certificate, key)
    }

    fn certificate(&self) -> PathBuf {
        self.file("pem")
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.name))
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn with_tls(directory: &Path, name: &str, port: u16, files: (PathBuf, PathBuf)) -> ServerConfig {
    let (certificate, key) = files;
    let tls = Some(ServerTls { certificate, key });
    ServerConfig { tls, ..server_config(directory, name, port) }
}

async fn connect(directory: &Path, url: &str, tls: ClientTls) -> Result<Bus, ConnectError> {
    let credentials = credentials(directory, "relay");
    let config = BusConfig { tls, ..BusConfig::new(url, Some(credentials), "sysmaint-test") };
    let shutdown = CancellationToken::new();
    tokio::time::timeout(PATIENCE, Bus::connect(config, &shutdown)).await.unwrap()
}

async fn refusal(directory: &Path, url: &str, tls: ClientTls) -> String {
    connect(directory, url, tls).await.unwrap_err().to_string()
}

fn provider() {
    let _installed_by_another = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_and_its_name() {
    provider();
    let home = Directory::new();
    let directory = home.path();
    let authority = Authority::new(directory, "authority");
    let believed = ClientTls { authorities: Some(authority.certificate()), identity: None };
    let [port] = free_ports();
    let files = authority.sign("server", "DNS:localhost", "2");
    let conf = render(&with_tls(directory, "server", port, files));
    let _server = Manual::start(&directory.join("server.conf"), &conf);

    let by_name = format!("tls://localhost:{port}");
    let bus = connect(directory, &by_name, believed.clone()).await.unwrap();
    assert!(bus.is_connected());
    // The server asks for TLS whatever the address says.
    connect(directory, &format!("nats://localhost:{port}"), believed.clone()).await.unwrap();

    let other_name = refusal(directory, &format!("tls://127.0.0.1:{port}"), believed).await;
    assert!(other_name.contains("another name than the one in NATS_URL"), "{other_name}");
    let stranger = Authority::new(directory, "stranger");
    let wrong = ClientTls { authorities: Some(stranger.certificate()), identity: None };
    let unknown = refusal(directory, &by_name, wrong).await;
    assert!(
        unknown.contains("NATS_CA_FILE") && unknown.contains("nobody whom we know"),
        "{unknown}"
    );
}

#[tokio::test]
async fn an_expired_certificate_and_a_server_without_tls_are_said_in_words() {
    provider();
    let home = Directory::new();
    let directory = home.path();
    let authority = Authority::new(directory, "authority");
    let believed = ClientTls { authorities: Some(authority.certificate()), identity: None };
    let [old, plain] = free_ports();
    let files = authority.sign("old", "DNS:localhost", "-1");
    let conf = render(&with_tls(directory, "old", old, files));
    let _old = Manual::start(&directory.join("old.conf"), &conf);
    let expired = refusal(directory, &format!("tls://localhost:{old}"), believed.clone()).await;
    assert!(expired.contains("has expired"), "{expired}");

    let conf = render(&server_config(directory, "plain", plain));
    let _plain = Manual::start(&directory.join("plain.conf"), &conf);
    let without = refusal(directory, &format!("tls://127.0.0.1:{plain}"), believed).await;
    assert!(without.contains("does not speak TLS"), "{without}");
}

#[tokio::test]
async fn a_server_that_asks_for_our_certificate_gets_it() {
    provider();
    let home = Directory::new();
    let directory = home.path();
    let authority = Authority::new(directory, "authority");
    let (authorities, [port]) = (Some(authority.certificate()), free_ports());
    let files = authority.sign("server", "DNS:localhost", "2");
    let demand = format!("timeout: 5, verify: true, ca_file: {:?} }}", authority.certificate());
    let conf =
        render(&with_tls(directory, "server", port, files)).replacen("timeout: 5 }", &demand, 2);
    let _server = Manual::start(&directory.join("server.conf"), &conf);
    let url = format!("tls://localhost:{port}");

    let without = ClientTls { authorities: authorities.clone(), identity: None };
    let refused = refusal(directory, &url, without).await;
    assert!(refused.contains("NATS_CLIENT_CERT_FILE"), "{refused}");
    let (certificate, key) = authority.sign("client", "DNS:client", "2");
    let identity = Some(ClientIdentity { certificate, key });
    assert!(connect(directory, &url, ClientTls { authorities, identity }).await.is_ok());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_its_setting() {
    let home = Directory::new();
    let directory = home.path();
    let empty = directory.join("empty.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    let absent = directory.join("absent.pem");
    for (authorities, what) in [(&empty, "holds no certificate"), (&absent, "cannot be read")] {
        let tls = ClientTls { authorities: Some(authorities.clone()), identity: None };
        let text = refusal(directory, "tls://localhost:1", tls).await;
        assert!(text.contains("NATS_CA_FILE") && text.contains(what), "{text}");
    }
    let authority = Authority::new(directory, "authority");
    let identity = ClientIdentity { certificate: authority.certificate(), key: empty };
    let tls = ClientTls { authorities: None, identity: Some(identity) };
    let text = refusal(directory, "tls://localhost:1", tls).await;
    assert!(text.contains("NATS_CLIENT_KEY_FILE"), "{text}");
}

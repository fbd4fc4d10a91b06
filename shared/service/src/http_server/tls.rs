//! TLS, with a certificate that may be renewed while connections are open.

mod files;

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::files::Fingerprint;
pub use self::files::{TlsError, TlsFiles};

/// How often the files are looked at. A signal would do as well, but SIGHUP must go on ending a
/// process whose terminal is closed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate in use, and where it comes from.
#[derive(Debug)]
pub(super) struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    files: TlsFiles,
    /// The files as they were when they were read.
    read: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

/// What new connections are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Reads the files.
    pub(super) async fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let read = files.fingerprint().await;
        let key = files.read(&provider).await?;
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let config = config(&provider, Arc::clone(&current))?;
        Ok(Self { config: Arc::new(config), current, files, read, provider })
    }

    /// Makes a connection a TLS one.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }

    /// Takes over what the files hold whenever they change. Runs until it is dropped. Files that
    /// cannot be used, such as a certificate whose key is not there yet, leave the old ones in use.
    pub(super) async fn keep_fresh(&self) {
        let mut tried = self.read.clone();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = self.files.fingerprint().await;
            if found == tried {
                continue;
            }
            tried = found;
            match self.files.read(&self.provider).await {
                Ok(key) => {
                    self.current.replace(key);
                    tracing::info!(certificate = %self.files.certificate.display(), "renewed");
                }
                Err(error) => {
                    tracing::warn!(%error, "the tls files cannot be used; the old ones stay");
                }
            }
        }
    }
}

impl Current {
    fn replace(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn config(provider: &Arc<CryptoProvider>, current: Arc<Current>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Library)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions resume by tickets, of which the server keeps nothing.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Library)?;
    Ok(config)
}

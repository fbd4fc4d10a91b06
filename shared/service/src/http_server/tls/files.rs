//! A certificate chain and its key, as PEM files.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustls::{
    Error, InconsistentKeys,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::config::Reader;

/// Bytes of a file. A chain of RSA certificates has some 6 KiB.
const FILE_MAX: usize = 256 * 1024;

/// Where certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The key of the first certificate.
    pub key: PathBuf,
}

/// Why TLS cannot be offered. No text holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key is another certificate's.
    #[error("{key} is not the key of the first certificate in {certificate}")]
    Mismatch {
        /// The chain's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// There is no certificate in the file.
    #[error("{path} holds no certificate: it must begin with -----BEGIN CERTIFICATE-----")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("{path} holds no private key in PEM form (PKCS #8, PKCS #1 or SEC1, not encrypted)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library cannot be set up.
    #[error("tls cannot be set up")]
    Library(#[source] Error),
    /// The file is far too large.
    #[error("{path} is larger than {FILE_MAX} bytes, so it is no certificate or key")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate or key is of a kind that is not supported, or damaged.
    #[error("the certificate in {certificate} with the key in {key} cannot be used: {reason}")]
    Unusable {
        /// The chain's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        reason: Error,
    },
}

/// What changes when a file is written or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint([(Option<SystemTime>, u64, u64); 2]);

impl TlsFiles {
    /// Reads the two settings: both are set, or none.
    pub fn from_reader(
        reader: &mut Reader,
        certificate: &'static str,
        key: &'static str,
    ) -> Option<Self> {
        match (reader.optional::<PathBuf>(certificate), reader.optional::<PathBuf>(key)) {
            (Some(certificate), Some(key)) => Some(Self { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                reader.reject(certificate, format!("set {key} too, or neither"));
                None
            }
            (None, Some(_)) => {
                reader.reject(key, format!("set {certificate} too, or neither"));
                None
            }
        }
    }

    /// Reads both files and checks that they belong together.
    pub(super) async fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain = certificates(&self.certificate, &read(&self.certificate).await?)?;
        let key = private_key(&self.key, &read(&self.key).await?)?;
        CertifiedKey::from_der(chain, key, provider).map_err(|reason| {
            let (certificate, key) = (self.certificate.clone(), self.key.clone());
            match reason {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    TlsError::Mismatch { certificate, key }
                }
                reason => TlsError::Unusable { certificate, key, reason },
            }
        })
    }

    /// `None` while one of them is not there.
    pub(super) async fn fingerprint(&self) -> Option<Fingerprint> {
        let of = async |path| {
            let metadata = tokio::fs::metadata(path).await.ok()?;
            Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
        };
        Some(Fingerprint([of(&self.certificate).await?, of(&self.key).await?]))
    }
}

async fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    // With all its room from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_MAX + 1));
    file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() > FILE_MAX {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

// What the PEM parser says is dropped: it quotes lines, which may be a key's.

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(TlsError::NoCertificate { path: path.to_owned() }),
    }
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsError::NoKey { path: path.to_owned() })
}

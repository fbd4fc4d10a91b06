//! Whom a client believes to be the relay's host.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// Bytes of a file of roots.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read the certificates in {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds none.
    #[error("{0} holds no certificate that can be used as a root: it must be a PEM file")]
    NoCertificate(PathBuf),
    /// The system has none, and none was given.
    #[error(
        "this system has no root certificates: install its ca-certificates, or name a PEM file in \
         RELAY_CA_FILE"
    )]
    NoRoots,
    /// The library refuses.
    #[error("tls cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// The system's roots where they are `needed`, and those in the file.
pub(super) fn config(needed: bool, file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    if needed {
        // What the system has and rustls cannot use is not ours to complain about.
        let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(path) = file {
        let (added, _unusable) = roots.add_parsable_certificates(read(path)?);
        if added == 0 {
            return Err(TlsError::NoCertificate(path.to_owned()));
        }
    }
    if needed && roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_end(&mut bytes))
        .map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    Ok(CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("roots.pem");
        assert!(matches!(config(false, Some(&path)), Err(TlsError::Read { .. })));
        fs::write(&path, "hello").unwrap();
        let error = config(false, Some(&path)).unwrap_err();
        assert!(error.to_string().contains("roots.pem"), "{error}");
    }
}

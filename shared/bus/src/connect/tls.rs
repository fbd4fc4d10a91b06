//! TLS towards NATS: whose certificates are believed, what we show, and failures in words.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use async_nats::ConnectOptions;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::ConnectError;

const AUTHORITY: &str = "NATS_CA_FILE";
const CERTIFICATE: &str = "NATS_CLIENT_CERT_FILE";
const KEY: &str = "NATS_CLIENT_KEY_FILE";

/// Files for TLS, all PEM. They are read again at each reconnect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Certificates of the authorities that are believed, in place of the system's.
    pub authorities: Option<PathBuf>,
    /// What this client shows, where the server asks.
    pub identity: Option<ClientIdentity>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl ClientTls {
    /// Says what is wrong with a file by its setting's name, where a handshake would only fail.
    pub(super) fn check(&self) -> Result<(), ConnectError> {
        if let Some(path) = &self.authorities {
            check_certificates(AUTHORITY, path)?;
        }
        if let Some(ClientIdentity { certificate, key }) = &self.identity {
            check_certificates(CERTIFICATE, certificate)?;
            PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unusable(KEY, key, &format!("holds no private key: {error}")))?;
        }
        Ok(())
    }

    pub(super) fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        let options = match &self.authorities {
            Some(path) => options.add_root_certificates(path.clone()),
            None => options,
        };
        match &self.identity {
            Some(ClientIdentity { certificate, key }) => {
                options.add_client_certificate(certificate.clone(), key.clone())
            }
            None => options,
        }
    }
}

fn check_certificates(variable: &'static str, path: &Path) -> Result<(), ConnectError> {
    let failed = |reason: &dyn ToString| unusable(variable, path, &reason.to_string());
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| failed(&format!("cannot be read: {error}")))?;
    let mut number = 0;
    for certificate in certificates {
        certificate.map_err(|error| failed(&format!("holds something broken: {error}")))?;
        number += 1;
    }
    if number == 0 { Err(failed(&"holds no certificate in PEM")) } else { Ok(()) }
}

fn unusable(variable: &'static str, path: &Path, reason: &str) -> ConnectError {
    ConnectError::TlsFile { variable, path: path.to_owned(), reason: reason.to_owned() }
}

/// What TLS found wrong, if it was TLS. Waiting would not help; anything else may pass.
pub(super) fn reason(error: &(dyn Error + 'static)) -> Option<String> {
    find(error).map(words)
}

/// An io::Error shows the source of what it wraps, and not what it wraps.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<TlsError>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn words(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(problem) => certificate(problem),
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired,
        ) => format!(
            "the server asks for a certificate of ours and does not take it ({error}): set \
             {CERTIFICATE} and {KEY} to one that its authority signed"
        ),
        TlsError::InvalidMessage(_) => {
            "the server does not speak TLS there: use nats:// in NATS_URL, or give the server a \
             certificate"
                .to_owned()
        }
        other => other.to_string(),
    }
}

fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: give the server a new one, or check this machine's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check the clocks of both machines".to_owned()
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "nobody whom we know has signed its certificate: name its authority's certificate in \
             {AUTHORITY}"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name than the one in NATS_URL: use a name that the \
             certificate lists, or give the server a certificate with this name"
                .to_owned()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}

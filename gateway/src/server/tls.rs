//! TLS 1.2 and 1.3 by rustls, from PEM files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// HTTP/2 first: one connection carries a client's concurrent streams.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate, its key, and the rules of a handshake. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

/// A certificate or key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not there, not readable, or not PEM.
    #[error("cannot read the {what} {}: {}; it must be a PEM file", .file.display(), describe(.source))]
    Unreadable {
        /// "certificate" or "private key".
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// PEM, but with no certificate in it.
    #[error("{} holds no certificate; it must begin with -----BEGIN CERTIFICATE-----", .file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// Each readable, but the key is another certificate's.
    #[error("the private key {} does not belong to the certificate {}; give the pair that was issued together", .key.display(), .chain.display())]
    Mismatch {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Readable, but no certificate or key that rustls can serve with.
    #[error("cannot serve TLS with the certificate {} and the private key {}: {source}", .chain.display(), .key.display())]
    Unusable {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate chain, the server's own first, and its private key.
    ///
    /// # Errors
    /// Names the file that cannot be used and why.
    pub fn from_pem_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificates = read_chain(chain)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Unreadable {
            what: "private key",
            file: key.to_owned(),
            source,
        })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private))
            .map_err(|source| refused(source, chain, key))?;
        config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|source| TlsError::Unreadable { what: "certificate", file: file.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { file: file.to_owned() });
    }
    Ok(certificates)
}

fn refused(source: rustls::Error, chain: &Path, key: &Path) -> TlsError {
    let (chain, key) = (chain.to_owned(), key.to_owned());
    match source {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { chain, key },
        source => TlsError::Unusable { chain, key, source },
    }
}

fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "nothing of that kind is in it".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Debug for Tls {
    /// Without the private key that it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    /// A folder with a certificate and its key, and another key.
    fn folder() -> TempDir {
        let folder = TempDir::new().unwrap();
        for name in ["own", "other"] {
            let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            fs::write(folder.path().join(format!("{name}.pem")), cert.pem()).unwrap();
            fs::write(folder.path().join(format!("{name}.key")), signing_key.serialize_pem()).unwrap();
        }
        folder
    }

    fn error(folder: &TempDir, chain: &str, key: &str) -> String {
        Tls::from_pem_files(&folder.path().join(chain), &folder.path().join(key)).unwrap_err().to_string()
    }

    #[test]
    fn accepts_a_certificate_with_its_own_key() {
        let folder = folder();
        Tls::from_pem_files(&folder.path().join("own.pem"), &folder.path().join("own.key")).unwrap();
    }

    #[test]
    fn refuses_the_key_of_another_certificate_naming_both_files() {
        let message = error(&folder(), "own.pem", "other.key");
        assert!(message.contains("other.key does not belong to"), "{message}");
        assert!(message.contains("own.pem"), "{message}");
    }

    #[test]
    fn names_the_file_that_is_absent_or_holds_something_else() {
        let folder = folder();
        fs::write(folder.path().join("broken.pem"), "-----BEGIN CERTIFICATE-----\n!!\n").unwrap();
        for (chain, key, said) in [
            ("absent.pem", "own.key", "cannot read the certificate"),
            ("own.pem", "absent.key", "cannot read the private key"),
            ("own.key", "own.key", "own.key holds no certificate"),
            ("own.pem", "own.pem", "nothing of that kind is in it"),
            ("broken.pem", "own.key", "broken.pem"),
        ] {
            let message = error(&folder, chain, key);
            assert!(message.contains(said), "{chain} {key}: {message}");
        }
    }
}

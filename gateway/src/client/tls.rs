//! Whom to trust when connecting to an upstream.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tradewind_policies::spec::ClientCertificate;

use super::identity::Identity;

/// Why a client cannot be set up for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities cannot be read, or holds none.
    #[error("cannot read certificate authorities from {path}: {reason}; give a PEM file with at least one certificate")]
    Authorities {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The certificate to show, or its key, cannot be read, or the two do not belong together.
    #[error("cannot use the client certificate {path}: {reason}; give a PEM chain, leaf first, and the key that it is for")]
    Identity {
        /// The file of the chain.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The name to ask for is none.
    #[error("`{0}` is no name of a host")]
    Host(String),
    /// The crypto library refuses the protocol versions.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// A client that trusts the authorities in `ca_file`, or, without one, those of the system, and shows `certificate` to servers that ask.
///
/// # Errors
/// [`TlsError`], where a file is no good.
pub(super) fn client_config(ca_file: Option<&Path>, certificate: Option<&ClientCertificate>) -> Result<ClientConfig, TlsError> {
    let roots = match ca_file {
        Some(path) => authorities(path)?,
        None => system_authorities().clone(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    Ok(match certificate {
        Some(certificate) => builder.with_client_cert_resolver(Arc::new(Identity::load(certificate)?)),
        None => builder.with_no_client_auth(),
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let fault = |reason: String| TlsError::Authorities { path: path.display().to_string(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))? {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots.add(certificate).map_err(|error| fault(error.to_string()))?;
    }
    if roots.is_empty() { Err(fault("it holds no certificate".to_owned())) } else { Ok(roots) }
}

/// The system's authorities, read once; a machine that has none (a bare container) gets Mozilla's, which are compiled in.
fn system_authorities() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "cannot read some of the system's certificate authorities");
        }
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::info!("the system has no certificate authorities; trusting the compiled-in list of Mozilla");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    })
}

//! What the gateway shows of itself to servers that ask: a certificate that is read again when its files are replaced.
//!
//! Certificates of machines live for hours and are renewed by an agent beside the process, which does not tell it. The files are looked at
//! when a connection is made, at most once a second; pairs that do not belong together, as between two writes, leave the old one in use.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use tokio::time::Instant;
use tradewind_policies::spec::ClientCertificate;

use super::TlsError;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// A certificate and its key, from files.
#[derive(Debug)]
pub(super) struct Identity {
    files: ClientCertificate,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    written: Written,
}

/// When the two files were last written.
type Written = (Option<SystemTime>, Option<SystemTime>);

impl Identity {
    /// # Errors
    /// [`TlsError::Identity`].
    pub(super) fn load(files: &ClientCertificate) -> Result<Self, TlsError> {
        let seen = Seen { at: Instant::now(), written: written(files) };
        Ok(Self { files: files.clone(), current: ArcSwap::from_pointee(read(files)?), seen: Mutex::new(seen) })
    }

    /// Reads the files again where they were replaced.
    fn follow(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.duration_since(seen.at) < LOOK {
            return;
        }
        seen.at = now;
        let written = written(&self.files);
        if written == seen.written {
            return;
        }
        match read(&self.files) {
            Ok(key) => {
                self.current.store(Arc::new(key));
                seen.written = written;
            }
            Err(error) => tracing::warn!(%error, "the client certificate was replaced by one that is no good; the old one stays"),
        }
    }
}

fn written(files: &ClientCertificate) -> Written {
    let of = |path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    (of(&files.certificate), of(&files.key))
}

fn read(files: &ClientCertificate) -> Result<CertifiedKey, TlsError> {
    let fault = |reason: String| TlsError::Identity { path: files.certificate.display().to_string(), reason };
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(|error| fault(error.to_string()))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|error| fault(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| fault(format!("the key: {error}")))?;
    let key = any_supported_type(&key).map_err(|error| fault(format!("the key: {error}")))?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(|error| fault(error.to_string()))?;
    Ok(pair)
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.follow();
        let current = self.current.load_full();
        current.key.choose_scheme(schemes).is_some().then_some(current)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, path::Path};

    use rcgen::{CertificateParams, KeyPair};
    use tokio::time::advance;

    use super::*;

    /// Writes a new pair, as if at that time; returns the certificate.
    fn write(folder: &Path, at: u64) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["client".to_owned()]).unwrap().self_signed(&key).unwrap();
        for (name, text) in [("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem())] {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
                .unwrap();
        }
        certificate.der().to_vec()
    }

    fn shown(identity: &Identity) -> Vec<u8> {
        identity.resolve(&[], &[SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap().cert[0].to_vec()
    }

    fn files(folder: &Path) -> ClientCertificate {
        ClientCertificate { certificate: folder.join("tls.crt"), key: folder.join("tls.key") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_certificate_is_shown_within_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), 1);
        let identity = Identity::load(&files(folder.path())).unwrap();
        let second = write(folder.path(), 2);
        assert_eq!(shown(&identity), first);
        advance(LOOK).await;
        assert_eq!(shown(&identity), second);
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_one_stays_while_only_half_of_a_pair_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), 1);
        let identity = Identity::load(&files(folder.path())).unwrap();
        let second = write(folder.path(), 2);
        let key = fs::read(folder.path().join("tls.key")).unwrap();
        for (half, expected) in [(&b"half"[..], &first), (&key, &second)] {
            fs::write(folder.path().join("tls.key"), half).unwrap();
            advance(LOOK).await;
            assert_eq!(shown(&identity), *expected);
        }
    }

    #[tokio::test]
    async fn files_that_are_no_pair_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 1);
        let key = fs::read(folder.path().join("tls.key")).unwrap();
        write(folder.path(), 1);
        fs::write(folder.path().join("tls.key"), key).unwrap();
        let error = Identity::load(&files(folder.path())).unwrap_err().to_string();
        assert!(error.contains("tls.crt") && error.contains("the key that it is for"), "{error}");
    }
}

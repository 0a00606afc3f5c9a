//! First start, restart, renewal, and every way the directory can be found broken.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use time::Duration;

use super::*;

struct Fixture {
    _dir: TempDir,
    path: PathBuf,
    now: OffsetDateTime,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        Self { _dir: dir, path, now: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() }
    }

    fn open(&self) -> Result<Home, HomeError> {
        Home::open_at(&self.path, self.now)
    }

    fn fails_with(&self, file: &str, words: &str) {
        let before = fs::read(self.path.join(file)).ok();
        let error = self.open().unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(words), "{error}");
        assert_eq!(fs::read(self.path.join(file)).ok(), before, "the file was replaced");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_everything_and_keeps_keys_private() {
    let fixture = Fixture::new();
    let home = fixture.open().unwrap();
    assert_eq!(mode(home.dir()), 0o700);
    assert_eq!(mode(&home.tls_key()), 0o600);
    assert_eq!(mode(&home.issuer_key()), 0o600);
    assert!(home.audit_dir().is_dir());
    let jwks: serde_json::Value = serde_json::from_slice(&fs::read(home.issuer_jwks()).unwrap()).unwrap();
    let key = &jwks["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&"EC".into(), &"P-256".into(), &"ES256".into()));
    assert_eq!(key["kid"].as_str().unwrap().len(), 43, "a SHA-256 thumbprint in base64url");
    assert!(key.get("d").is_none(), "the private half is not published");
}

#[test]
fn a_second_start_changes_nothing() {
    let fixture = Fixture::new();
    let home = fixture.open().unwrap();
    let files = [home.tls_certificate(), home.tls_key(), home.issuer_key(), home.issuer_jwks()];
    let before = files.each_ref().map(|path| fs::read(path).unwrap());
    fixture.open().unwrap();
    assert_eq!(files.each_ref().map(|path| fs::read(path).unwrap()), before);
}

#[test]
fn starts_at_the_same_time_agree_on_one_key() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fixture.open().unwrap());
        }
    });
    fixture.open().unwrap();
}

#[test]
fn the_certificate_is_renewed_a_month_before_it_expires_and_keeps_its_key() {
    let mut fixture = Fixture::new();
    let home = fixture.open().unwrap();
    let read = |path: PathBuf| fs::read(path).unwrap();
    let (first, key) = (read(home.tls_certificate()), read(home.tls_key()));
    fixture.now += Duration::days(366);
    fixture.open().unwrap();
    assert_eq!(read(home.tls_certificate()), first, "31 days are left");
    fixture.now += Duration::days(1);
    fixture.open().unwrap();
    assert_ne!(read(home.tls_certificate()), first, "30 days are left");
    assert_eq!(read(home.tls_key()), key);
}

#[test]
fn what_a_crash_left_half_done_is_completed() {
    let fixture = Fixture::new();
    let home = fixture.open().unwrap();
    let key = fs::read(home.tls_key()).unwrap();
    fs::remove_file(home.tls_certificate()).unwrap();
    fs::remove_file(home.issuer_jwks()).unwrap();
    fs::write(fixture.path.join("tls/cert.pem.partial"), "-----BEG").unwrap();
    fixture.open().unwrap();
    assert!(home.tls_certificate().is_file() && home.issuer_jwks().is_file());
    assert_eq!(fs::read(home.tls_key()).unwrap(), key);
    assert!(!fixture.path.join("tls/cert.pem.partial").exists());
}

#[test]
fn damaged_files_are_named_and_never_replaced() {
    for (file, words) in [
        ("tls/cert.pem", "is no certificate"),
        ("tls/key.pem", "is no usable key"),
        ("issuer/key.pem", "is no usable key"),
        ("issuer/jwks.json", "is no JWKS"),
    ] {
        let fixture = Fixture::new();
        fixture.open().unwrap();
        fs::write(fixture.path.join(file), "damaged").unwrap();
        fixture.fails_with(file, words);
    }
}

#[test]
fn halves_that_do_not_match_are_refused() {
    for (file, words) in [("tls/cert.pem", "does not belong to"), ("issuer/jwks.json", "does not publish")] {
        let (fixture, other) = (Fixture::new(), Fixture::new());
        fixture.open().unwrap();
        other.open().unwrap();
        fs::copy(other.path.join(file), fixture.path.join(file)).unwrap();
        fixture.fails_with(file, words);
    }
}

#[test]
fn a_public_half_without_its_key_is_refused() {
    for file in ["tls/key.pem", "issuer/key.pem"] {
        let fixture = Fixture::new();
        fixture.open().unwrap();
        fs::remove_file(fixture.path.join(file)).unwrap();
        fixture.fails_with(file, "is missing beside");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let fixture = Fixture::new();
    let home = fixture.open().unwrap();
    fs::set_permissions(home.tls_key(), fs::Permissions::from_mode(0o640)).unwrap();
    fixture.fails_with("tls/key.pem", "mode 640");
}

#[test]
fn the_certificate_is_trusted_for_every_local_name() {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

    let fixture = Fixture::new();
    let home = fixture.open().unwrap();
    let certificate = CertificateDer::from_pem_file(home.tls_certificate()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(&certificate, &[], &name, &[], now).unwrap();
    }
}

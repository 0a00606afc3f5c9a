//! The self-signed certificate for localhost.

use std::path::Path;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};
use yasna::models::GeneralizedTime;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Result, BERReader, Tag};

use super::HomeError;
use super::files::{self, Access};

/// Names that a client on this machine may use.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The longest that browsers accept (CA/Browser Forum, 398 days), less one for clocks that differ.
const LIFETIME: Duration = Duration::days(397);
/// Renewed this long before the end, so that a server restarted once a month never serves an expired one.
const RENEW_BEFORE: Duration = Duration::days(30);
/// Valid from a little earlier, for a client whose clock is behind.
const BACKDATED: Duration = Duration::hours(1);

/// Makes the pair, completes it, renews the certificate, or leaves a good pair alone.
pub(super) fn ensure(certificate: &Path, key: &Path, now: OffsetDateTime) -> Result<(), HomeError> {
    let stored = files::read(certificate, Access::Public)?;
    let key_pair = match files::read(key, Access::Private)? {
        Some(pem) => KeyPair::from_pem(&pem).map_err(|error| HomeError::damaged(key, format!("is no usable key ({error})")))?,
        None if stored.is_some() => return Err(HomeError::damaged(key, "is missing beside its certificate")),
        None => {
            let made = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
            files::write(key, &made.serialize_pem(), Access::Private)?;
            made
        }
    };
    if let Some(pem) = stored
        && serves(&pem, &key_pair, now).map_err(|problem| HomeError::damaged(certificate, problem))?
    {
        return Ok(());
    }
    files::write(certificate, &make(&key_pair, now)?, Access::Public)
}

/// Whether the stored certificate can go on serving; else says what is wrong with it.
fn serves(pem: &str, key: &KeyPair, now: OffsetDateTime) -> Result<bool, String> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    let der = der.map_err(|error| format!("is no certificate ({error})"))?;
    let facts = yasna::parse_der(&der, read_facts);
    let facts = facts.map_err(|error| format!("is no X.509 certificate ({error})"))?;
    if facts.public_key != key.subject_public_key_info() {
        return Err("does not belong to the key beside it".into());
    }
    // A certificate that somebody else signed is the operator's to renew.
    Ok(now + RENEW_BEFORE < facts.not_after || facts.issuer != facts.subject)
}

fn make(key: &KeyPair, now: OffsetDateTime) -> Result<String, HomeError> {
    let mut params = CertificateParams::new(NAMES.map(String::from)).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "Tradewind on localhost");
    // By default the serial number follows from the key, which a renewal keeps; browsers refuse two certificates with one.
    params.serial_number = Some(SerialNumber::from_slice(&rand::random::<[u8; 16]>()));
    params.not_before = now - BACKDATED;
    params.not_after = now + LIFETIME;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python 3.13 and other strict clients of OpenSSL insist on it.
    params.use_authority_key_identifier_extension = true;
    Ok(params.self_signed(key).map_err(failed)?.pem())
}

fn failed(error: rcgen::Error) -> HomeError {
    HomeError::Make { what: "the TLS certificate", reason: error.to_string() }
}

/// What has to be known of a stored certificate; names and key in DER, to be compared.
struct Facts {
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_after: OffsetDateTime,
    public_key: Vec<u8>,
}

/// Reads the fields of `TBSCertificate` (RFC 5280, 4.1) as far as the public key.
fn read_facts(reader: BERReader<'_, '_>) -> ASN1Result<Facts> {
    reader.read_sequence(|certificate| {
        let facts = certificate.next().read_sequence(|body| {
            body.read_optional(|version| version.read_tagged(Tag::context(0), |number| number.read_i64()))?;
            body.next().read_der()?; // serial number
            body.next().read_der()?; // signature algorithm
            let issuer = body.next().read_der()?;
            let not_after = body.next().read_sequence(|validity| {
                read_time(validity.next())?;
                read_time(validity.next())
            })?;
            let subject = body.next().read_der()?;
            let public_key = body.next().read_der()?;
            while body.read_optional(|extension| extension.read_der())?.is_some() {}
            Ok(Facts { issuer, subject, not_after: *not_after.datetime(), public_key })
        })?;
        certificate.next().read_der()?; // signature algorithm
        certificate.next().read_der()?; // signature
        Ok(facts)
    })
}

fn read_time(reader: BERReader<'_, '_>) -> ASN1Result<GeneralizedTime> {
    match reader.lookahead_tag()? {
        TAG_UTCTIME => Ok(GeneralizedTime::from_datetime(*reader.read_utctime()?.datetime())),
        TAG_GENERALIZEDTIME => reader.read_generalized_time(),
        _ => Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid)),
    }
}

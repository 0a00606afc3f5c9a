//! The self-signed certificate for localhost.

use std::path::Path;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
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
    let (key_pair, stored) = match (files::read(key, Access::Private)?, stored) {
        (Some(pem), stored) => {
            let parsed = KeyPair::from_pem(&pem);
            (parsed.map_err(|error| HomeError::damaged(key, format!("is no usable key ({error})")))?, stored)
        }
        (None, None) => {
            let made = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
            files::write(key, &made.serialize_pem(), Access::Private)?;
            (made, None)
        }
        (None, Some(_)) => return Err(HomeError::damaged(key, "is missing beside its certificate")),
    };
    if let Some(pem) = stored {
        let damaged = |problem: String| HomeError::damaged(certificate, problem);
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|error| damaged(format!("is no certificate ({error})")))?;
        let facts = yasna::parse_der(&der, read_facts);
        let facts = facts.map_err(|error| damaged(format!("is no X.509 certificate ({error})")))?;
        if facts.public_key != key_pair.subject_public_key_info() {
            return Err(damaged(format!("does not belong to {}", key.display())));
        }
        // A certificate that somebody else signed is the operator's to renew.
        if now + RENEW_BEFORE < facts.not_after || facts.issuer != facts.subject {
            return Ok(());
        }
    }
    files::write(certificate, &make(&key_pair, now)?, Access::Public)
}

fn make(key: &KeyPair, now: OffsetDateTime) -> Result<String, HomeError> {
    let mut params = CertificateParams::new(NAMES.map(String::from)).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "Tradewind on localhost");
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

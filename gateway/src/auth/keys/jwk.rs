//! One key of a JWKS: whether it may verify tokens, and by which one algorithm.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::roca;
use crate::auth::AuthError;
use crate::auth::digest::sha256;
use crate::auth::jws::Jws;

/// The smallest RSA modulus (RFC 7518, 3.3) and the largest that the cryptography takes, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key that may verify tokens by one algorithm.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    algorithm: Algorithm,
    /// How a token's header may spell that algorithm.
    names: &'static [&'static str],
    key: DecodingKey,
    /// Digest of the key, its name and algorithm: two keys with the same one are the same.
    pub(super) fingerprint: [u8; 32],
}

/// Why a key is left out of its set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// For encryption, say; quite normal in a set.
    #[error("it is not meant to verify signatures")]
    OtherUse,
    /// Symmetric, or of a kind that is not supported.
    #[error("its type, curve or algorithm is not supported")]
    Unsupported,
    /// Its parts contradict each other, or are no key.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// It protects nothing.
    #[error("it is too weak: {0}")]
    Weak(&'static str),
}

/// The members of a JWK that are looked at (RFC 7517, RFC 7518 section 6, RFC 8037).
#[derive(Deserialize)]
pub(super) struct Raw {
    pub(super) kid: Option<String>,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl Key {
    pub(super) fn new(raw: Raw) -> Result<Self, Unusable> {
        let verifies = raw.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if raw.usage.as_deref().is_some_and(|usage| usage != "sig") || !verifies {
            return Err(Unusable::OtherUse);
        }
        if raw.d.is_some() {
            return Err(Unusable::Weak("its private half is published"));
        }
        let ((algorithm, names), key, material) = match raw.kty.as_str() {
            "RSA" => rsa(&raw)?,
            "EC" => elliptic(&raw)?,
            "OKP" => edwards(&raw)?,
            _ => return Err(Unusable::Unsupported),
        };
        let (kid, alg) = (raw.kid.as_deref().unwrap_or_default(), format!("{algorithm:?}"));
        let fingerprint = sha256(&[alg.as_bytes(), material.as_slice(), kid.as_bytes()].join(&b'\n'));
        Ok(Self { kid: raw.kid, algorithm, names, key, fingerprint })
    }

    /// Checks the token's signature by this key's algorithm, which the token's header has to name.
    pub(super) fn verify(&self, jws: &Jws<'_>) -> Result<(), AuthError> {
        if !self.names.contains(&jws.header.alg.as_str()) {
            return Err(AuthError::WrongAlgorithm);
        }
        match jsonwebtoken::crypto::verify(jws.signature, jws.signed.as_bytes(), &self.key, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(AuthError::BadSignature),
        }
    }
}

/// An algorithm and its spellings.
type Kind = (Algorithm, &'static [&'static str]);
/// Besides, the key and the bytes that make it up.
type Parts = (Kind, DecodingKey, Vec<u8>);

fn rsa(raw: &Raw) -> Result<Parts, Unusable> {
    let kind: Kind = match raw.alg.as_deref() {
        // OpenID Connect Core 15.1 requires RS256 of everyone; one key, one algorithm.
        None | Some("RS256") => (Algorithm::RS256, &["RS256"]),
        Some("RS384") => (Algorithm::RS384, &["RS384"]),
        Some("RS512") => (Algorithm::RS512, &["RS512"]),
        Some("PS256") => (Algorithm::PS256, &["PS256"]),
        Some("PS384") => (Algorithm::PS384, &["PS384"]),
        Some("PS512") => (Algorithm::PS512, &["PS512"]),
        Some(_) => return Err(Unusable::Unsupported),
    };
    let (modulus, exponent) = (number(raw.n.as_deref())?, number(raw.e.as_deref())?);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(Unusable::Weak("its modulus is not of 2048 to 8192 bits"));
    }
    if exponent == [1] || exponent.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(Unusable::Weak("its exponent is even or 1"));
    }
    if roca::is_vulnerable(&modulus) {
        return Err(Unusable::Weak("its modulus can be factored (CVE-2017-15361)"));
    }
    let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    Ok((kind, key, [modulus, exponent].concat()))
}

fn elliptic(raw: &Raw) -> Result<Parts, Unusable> {
    let (kind, size, curve): (Kind, _, &'static dyn VerificationAlgorithm) = match (raw.crv.as_deref(), raw.alg.as_deref()) {
        (Some("P-256"), None | Some("ES256")) => ((Algorithm::ES256, &["ES256"]), 32, &ECDSA_P256_SHA256_FIXED),
        (Some("P-384"), None | Some("ES384")) => ((Algorithm::ES384, &["ES384"]), 48, &ECDSA_P384_SHA384_FIXED),
        (Some("P-256" | "P-384"), Some(_)) => {
            return Err(Unusable::Malformed("its algorithm is not its curve's"));
        }
        _ => return Err(Unusable::Unsupported),
    };
    let (x, y) = (bytes(raw.x.as_deref())?, bytes(raw.y.as_deref())?);
    if x.len() != size || y.len() != size {
        return Err(Unusable::Malformed("its coordinates are not of its curve's size"));
    }
    let point = [&[4], x.as_slice(), &y].concat();
    on_curve(curve, &point)?;
    Ok((kind, DecodingKey::from_ec_der(&point), point))
}

fn edwards(raw: &Raw) -> Result<Parts, Unusable> {
    // RFC 9864 gives EdDSA on this curve a name of its own; both are in use.
    let kind: Kind = match (raw.crv.as_deref(), raw.alg.as_deref()) {
        (Some("Ed25519"), None | Some("EdDSA" | "Ed25519")) => (Algorithm::EdDSA, &["EdDSA", "Ed25519"]),
        _ => return Err(Unusable::Unsupported),
    };
    let point = bytes(raw.x.as_deref())?;
    on_curve(&ED25519, &point)?;
    Ok((kind, DecodingKey::from_ed_der(&point), point))
}

fn on_curve(curve: &'static dyn VerificationAlgorithm, point: &[u8]) -> Result<(), Unusable> {
    ParsedPublicKey::new(curve, point).map_err(|_| Unusable::Malformed("its point is not on its curve"))?;
    Ok(())
}

/// A big-endian number without leading zeros.
fn number(text: Option<&str>) -> Result<Vec<u8>, Unusable> {
    let mut digits = bytes(text)?;
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    digits.drain(..zeros);
    if digits.is_empty() { Err(Unusable::Malformed("a number is zero")) } else { Ok(digits) }
}

fn bytes(text: Option<&str>) -> Result<Vec<u8>, Unusable> {
    let text = text.ok_or(Unusable::Malformed("a member is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::Malformed("a member is not base64url"))
}

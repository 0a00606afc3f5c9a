//! The development issuer's key pair: an ES256 key and the JWKS that publishes it.

use std::path::Path;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::HomeError;
use super::files::{self, Access};

/// Makes the pair, completes it, or leaves a good pair alone.
pub(super) fn ensure(jwks: &Path, key: &Path) -> Result<(), HomeError> {
    let stored = files::read(jwks, Access::Public)?;
    if files::read(key, Access::Private)?.is_none() {
        if stored.is_some() {
            return Err(HomeError::damaged(key, "is missing beside its JWKS"));
        }
        let made = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        files::write(key, &made.serialize_pem(), Access::Private)?;
    }
    let jwk = public_jwk(key, &read_key(key)?)?;
    let Some(stored) = stored else {
        let set = JwkSet { keys: vec![jwk] };
        let text = serde_json::to_string_pretty(&set).map_err(failed)?;
        return files::write(jwks, &(text + "\n"), Access::Public);
    };
    let set: JwkSet = serde_json::from_str(&stored).map_err(|error| HomeError::damaged(jwks, format!("is no JWKS ({error})")))?;
    // Further keys are an operator's business: an old key still in use, say.
    if set.keys.contains(&jwk) { Ok(()) } else { Err(HomeError::damaged(jwks, "does not publish key.pem")) }
}

/// Reads the signing key.
pub(crate) fn read_key(path: &Path) -> Result<EncodingKey, HomeError> {
    let pem = files::read(path, Access::Private)?.ok_or_else(|| HomeError::damaged(path, "is missing"))?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes());
    let der = der.map_err(|error| HomeError::damaged(path, format!("is no usable key ({error})")))?;
    Ok(EncodingKey::from_ec_der(der.secret_pkcs8_der()))
}

/// The key's public half, with its RFC 7638 thumbprint for a name.
pub(crate) fn public_jwk(path: &Path, key: &EncodingKey) -> Result<Jwk, HomeError> {
    let jwk = Jwk::from_encoding_key(key, Algorithm::ES256);
    let mut jwk = jwk.map_err(|error| HomeError::damaged(path, format!("is no P-256 key ({error})")))?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).map_err(failed)?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

fn failed(error: impl std::fmt::Display) -> HomeError {
    HomeError::Make { what: "the development issuer's key", reason: error.to_string() }
}

//! JWTs that the gateway signs itself, with an RSA key (RFC 7519, RS256).
//!
//! The key is used by the crypto library directly: Snowflake names keys by the fingerprint of their public half, which JWT libraries do
//! not tell.

use aws_lc_rs::{
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Serialize;

use super::{CredentialError, Secret};

/// A private RSA key.
pub(super) struct RsaKey(rsa::KeyPair);

/// The first part of a JWT.
#[derive(Serialize)]
pub(super) struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// RS256, by the key of that id.
    pub(super) fn rs256(kid: Option<&'a str>) -> Self {
        Self { alg: "RS256", typ: "JWT", kid }
    }
}

impl RsaKey {
    /// The key in a PEM text; `place` says whose it is, for an error.
    pub(super) fn of_pem(pem: &str, place: &str) -> Result<Self, CredentialError> {
        let fault = || {
            CredentialError::configuration(format!(
                "{place} is no usable RSA private key; accepted: PEM, PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1, not encrypted, 2048 bits or more"
            ))
        };
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(fault()),
        };
        pair.map(Self).map_err(|_| fault())
    }

    /// The JWT with these claims.
    pub(super) fn sign(&self, header: &Header<'_>, claims: &impl Serialize) -> Result<Secret, CredentialError> {
        let failed = |what: String| CredentialError::Signing(format!("a JWT, {what}"));
        let part = |json: serde_json::Result<Vec<u8>>| match json {
            Ok(json) => Ok(BASE64_URL_SAFE_NO_PAD.encode(json)),
            Err(error) => Err(failed(error.to_string())),
        };
        let mut token = format!("{}.{}", part(serde_json::to_vec(header))?, part(serde_json::to_vec(claims))?);
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature);
        signed.map_err(|_| failed("the crypto library refuses the key".to_owned()))?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(Secret::of(&token, "the JWT")?)
    }

    /// SHA-256 of the public key in DER (SubjectPublicKeyInfo), in base64.
    pub(super) fn fingerprint(&self) -> Result<String, CredentialError> {
        let public: Result<PublicKeyX509Der<'_>, _> = self.0.public_key().as_der();
        let public = public.map_err(|_| CredentialError::Signing("a JWT, the public key cannot be encoded".to_owned()))?;
        Ok(BASE64_STANDARD.encode(digest::digest(&digest::SHA256, public.as_ref())))
    }
}

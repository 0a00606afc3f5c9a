//! Which issuers are trusted, and where their keys come from.

use std::path::PathBuf;

use bytes::Bytes;

/// One trusted issuer of access tokens.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The `iss` of its tokens, compared byte for byte; with [`KeySource::Discovery`] also the URL that is asked.
    pub issuer: String,
    /// Accepted values of `aud`; at least one.
    pub audiences: Vec<String>,
    /// Where the public keys come from.
    pub keys: KeySource,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that lists the models: an array of strings or one space-separated string.
    pub models_claim: String,
}

impl IssuerSettings {
    /// The tenant claim where none is configured.
    pub const TENANT_CLAIM: &'static str = "tenant";
    /// The models claim where none is configured.
    pub const MODELS_CLAIM: &'static str = "models";
}

/// Where an issuer's JWKS is found.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A JWKS file; read again every ten minutes and when a token names an unknown key.
    File(PathBuf),
    /// The JWKS itself; never changes.
    Inline(Bytes),
    /// OpenID Connect Discovery below the issuer's URL, with RFC 8414's place as the second guess.
    Discovery,
}

/// The issuers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Two entries have the same `issuer`.
    #[error("issuer {0:?} is configured twice: merge the two entries")]
    DuplicateIssuer(String),
    /// Without an audience every token of the issuer would be accepted, whomever it was made for.
    #[error("issuer {0:?} has no audience: name at least one accepted `aud`")]
    NoAudience(String),
    /// The keys that were given cannot be used.
    #[error("the keys of issuer {issuer:?} cannot be used: {reason}")]
    BadKeys {
        /// The configured issuer.
        issuer: String,
        /// What is wrong, with the file.
        reason: String,
    },
    /// Discovery needs a URL.
    #[error("issuer {issuer:?} cannot be discovered: {reason}; use an https URL, or give a JWKS file")]
    NotDiscoverable {
        /// The configured issuer.
        issuer: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

//! The development issuer: tokens without an identity provider, from a key in the state directory.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tradewind_policies::TenantId;
use uuid::Uuid;

use super::{Clock, IssuerSettings, KeySource};
use crate::home::{self, Home, HomeError};

/// The `iss` of development tokens: no URL, so that no other issuer can have it.
pub const DEV_ISSUER: &str = "tradewind-dev";
/// The `aud` of development tokens.
pub const DEV_AUDIENCE: &str = "tradewind";
/// The longest life of a development token: it cannot be revoked, short of making a new key.
pub const DEV_MAX_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Mints tokens that a gateway with the same state directory accepts.
pub struct DevIssuer {
    key: EncodingKey,
    kid: Option<String>,
}

/// What a development token says.
#[derive(Clone, Debug)]
pub struct DevClaims {
    /// The tenant.
    pub tenant: TenantId,
    /// The models it grants, as patterns.
    pub models: Vec<String>,
    /// The subject.
    pub subject: String,
    /// From now to the token's end.
    pub lifetime: Duration,
}

/// A token could not be minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// It would live too long, or not at all.
    #[error("a lifetime of {} is out of range: choose 1 s to 30 days", humantime::format_duration(*.0))]
    Lifetime(Duration),
    /// The key does not sign.
    #[error("the development issuer's key does not sign: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// The claims of RFC 9068, 2.2, and ours.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: &'a str,
    client_id: &'static str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    tenant: &'a str,
    models: &'a [String],
}

impl DevIssuer {
    /// Reads the key that [`Home::open`] made.
    ///
    /// # Errors
    /// Where the key cannot be read.
    pub fn open(home: &Home) -> Result<Self, HomeError> {
        let path = home.issuer_key();
        let key = home::read_key(&path)?;
        let kid = home::public_jwk(&path, &key)?.common.key_id;
        Ok(Self { key, kid })
    }

    /// What a gateway needs to know to accept these tokens.
    pub fn settings(home: &Home) -> IssuerSettings {
        IssuerSettings {
            issuer: DEV_ISSUER.into(),
            audiences: vec![DEV_AUDIENCE.into()],
            keys: KeySource::File(home.issuer_jwks()),
            tenant_claim: IssuerSettings::TENANT_CLAIM.into(),
            models_claim: IssuerSettings::MODELS_CLAIM.into(),
        }
    }

    /// Mints a token.
    ///
    /// # Errors
    /// Where the lifetime is out of range.
    pub fn mint(&self, claims: &DevClaims, clock: &dyn Clock) -> Result<String, MintError> {
        let seconds = claims.lifetime.as_secs();
        if seconds == 0 || claims.lifetime > DEV_MAX_LIFETIME {
            return Err(MintError::Lifetime(claims.lifetime));
        }
        let now = clock.unix_seconds();
        let header = Header { typ: Some("at+jwt".into()), kid: self.kid.clone(), ..Header::new(Algorithm::ES256) };
        let claims = Claims {
            iss: DEV_ISSUER,
            aud: DEV_AUDIENCE,
            sub: &claims.subject,
            client_id: "tradewind-cli",
            iat: now,
            nbf: now,
            exp: now.saturating_add(seconds),
            jti: Uuid::now_v7().to_string(),
            tenant: claims.tenant.as_str(),
            models: &claims.models,
        };
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(MintError::Sign)
    }
}

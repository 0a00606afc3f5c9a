//! Why a caller was turned away: a code for the audit log, a status and a challenge for the caller, and never a byte of
//! the token.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tradewind_policies::NoTenant;

/// The result of a failed authentication.
///
/// `Display` is for logs and says what was wrong; callers get [`AuthError::www_authenticate`] and [`AuthError::description`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header.
    #[error("no credential: send `Authorization: Bearer <token>`")]
    Missing,
    /// An `Authorization` header of another scheme.
    #[error("the authorization scheme is not bearer: send `Authorization: Bearer <token>`")]
    NotBearer,
    /// Several `Authorization` headers, or one beside an API key header: which of them counts is anybody's guess.
    #[error("several credentials in one request: send `Authorization: Bearer <token>` alone")]
    SeveralCredentials,
    /// The token is no compact JWS of strict base64url and JSON, or too long.
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// `iss` is missing or not configured.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The issuer has no key of this `kid`.
    /// The issuer has no key of the name that the token gives.
    #[error("the issuer has no key for this token")]
    UnknownKey,
    /// The header's `alg` is not the key's.
    #[error("the token's algorithm is not that of its key")]
    WrongAlgorithm,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    BadSignature,
    /// `typ` names something that is no access token.
    #[error("the token's type is not an access token's")]
    WrongType,
    /// An OpenID Connect ID token or a refresh token.
    #[error("an ID or refresh token was sent where an access token is needed")]
    NotAnAccessToken,
    /// The token is bound to a client key (`cnf`), which a bearer presentation cannot prove.
    #[error("the token is bound to a client key, which a bearer token cannot prove")]
    SenderConstrained,
    /// A required claim is missing or of the wrong type.
    #[error("the claim `{0}` is missing or not usable")]
    BadClaim(&'static str),
    /// No usable tenant claim.
    #[error("the token names no tenant: the claim `{claim}` must be 1 to 64 of A-Z a-z 0-9 . _ -")]
    NoTenant {
        /// The configured claim.
        claim: String,
    },
    /// The token names no tenant, and none knows its claims.
    #[error("the token names no tenant, and its claims fit no tenant's `who` in the policy")]
    UnnamedTenant,
    /// Its claims fit several tenants.
    #[error("{0}")]
    AmbiguousTenant(String),
    /// It names a tenant that knows its tokens by other claims.
    #[error("{0}")]
    MisnamedTenant(String),
    /// `aud` has none of the accepted values.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token expired")]
    Expired,
    /// `nbf` or `iat` lies more than the allowed skew in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The issuer's keys could not be had, so nothing can be said about the token.
    #[error("authentication unavailable: no keys of issuer {issuer}")]
    Unavailable {
        /// The configured issuer.
        issuer: Arc<str>,
        /// When the next attempt to fetch them is due.
        retry_after: Duration,
    },
}

impl From<NoTenant> for AuthError {
    fn from(error: NoTenant) -> Self {
        match error {
            NoTenant::Unnamed => Self::UnnamedTenant,
            NoTenant::Ambiguous { .. } => Self::AmbiguousTenant(error.to_string()),
            NoTenant::Misnamed(_) => Self::MisnamedTenant(error.to_string()),
        }
    }
}

impl AuthError {
    /// A short, stable word for the audit log and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing_credential",
            Self::NotBearer => "not_bearer",
            Self::SeveralCredentials => "several_credentials",
            Self::Malformed(_) => "malformed_token",
            Self::UnknownIssuer => "unknown_issuer",
            Self::UnknownKey => "unknown_key",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::BadSignature => "bad_signature",
            Self::WrongType => "wrong_token_type",
            Self::NotAnAccessToken => "not_an_access_token",
            Self::SenderConstrained => "sender_constrained",
            Self::BadClaim(_) => "bad_claim",
            Self::NoTenant { .. } => "no_tenant",
            Self::UnnamedTenant => "no_tenant",
            Self::AmbiguousTenant(_) => "ambiguous_tenant",
            Self::MisnamedTenant(_) => "misnamed_tenant",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Unavailable { .. } => "authentication_unavailable",
        }
    }

    /// The status of the answer: 401, 400 for two credentials (RFC 6750, 3.1), 503 where nothing can be said.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SeveralCredentials => StatusCode::BAD_REQUEST,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// What the caller may be told, in one sentence.
    ///
    /// Every fault that is found before the signature verifies gives the same sentence, so that guessing teaches nothing.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Missing | Self::NotBearer => "a bearer token is required",
            Self::SeveralCredentials => "more than one credential was sent",
            Self::Malformed(_)
            | Self::UnknownIssuer
            | Self::UnknownKey
            | Self::WrongAlgorithm
            | Self::BadSignature
            | Self::WrongType => "the access token is invalid",
            Self::NotAnAccessToken => "an access token is required",
            Self::SenderConstrained => "the access token is bound to a client key",
            Self::BadClaim(_) => "the access token lacks a required claim",
            Self::NoTenant { .. } | Self::UnnamedTenant => "the access token names no tenant",
            Self::AmbiguousTenant(_) => "the access token belongs to several tenants",
            Self::MisnamedTenant(_) => "the access token is not one of the tenant it names",
            Self::WrongAudience => "the access token is for another audience",
            Self::Expired => "the access token expired",
            Self::NotYetValid => "the access token is not valid yet",
            Self::Unavailable { .. } => "authentication unavailable",
        }
    }

    /// The `WWW-Authenticate` challenge of RFC 6750, section 3; `None` with a 503.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        let error = match self {
            Self::Unavailable { .. } => return None,
            Self::Missing | Self::NotBearer => {
                return Some(HeaderValue::from_static(r#"Bearer realm="tradewind""#));
            }
            Self::SeveralCredentials => "invalid_request",
            _ => "invalid_token",
        };
        let value = format!(r#"Bearer realm="tradewind", error="{error}", error_description="{}""#, self.description());
        HeaderValue::try_from(value).ok()
    }

    /// The `Retry-After` of a 503.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

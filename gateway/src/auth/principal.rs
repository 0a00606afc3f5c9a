//! The caller, proved: what the rest of the gateway may know about a token.

use std::fmt;
use std::sync::Arc;

/// A verified caller. Cheap to share: it is made once a token and kept with the verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The token's `sub`.
    pub subject: Arc<str>,
    /// Whose budget, limits and policy apply.
    pub tenant: TenantId,
    /// The token's `iss`: the string of the configuration.
    pub issuer: Arc<str>,
    /// The model aliases that the token names (`*` is left to the policy to expand); `None` where the token has no such
    /// claim and thus does not narrow what its tenant may use.
    pub models: Option<Arc<[String]>>,
    /// The token's `exp`, in seconds since 1970.
    pub expires: u64,
    /// The token's `jti`, for the audit log.
    pub token_id: Option<Arc<str>>,
}

/// A tenant's name: 1 to 64 of `A-Z a-z 0-9 . _ -`, so that it is safe in a path, a label and a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a shared string, for records that outlive the request.
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(TenantIdError(text.chars().take(80).collect()))
        }
    }
}

/// The text is no tenant name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no tenant name: use 1 to 64 of A-Z a-z 0-9 . _ -")]
pub struct TenantIdError(String);

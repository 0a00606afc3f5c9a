//! The caller, proved: what the rest of the gateway may know about a token.

use std::sync::Arc;

use tradewind_policies::{Grants, TenantId};

/// A verified caller. Cheap to share: it is made once a token and kept with the verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The token's `sub`.
    pub subject: Arc<str>,
    /// Whose budget, limits and policy apply.
    pub tenant: TenantId,
    /// The token's `iss`: the string of the configuration.
    pub issuer: Arc<str>,
    /// What the token grants; `None` where it has no such claim and thus does not narrow what its tenant may use.
    pub models: Option<Arc<Grants>>,
    /// The token's `exp`, in seconds since 1970.
    pub expires: u64,
    /// The token's `jti`, for the audit log.
    pub token_id: Option<Arc<str>>,
}

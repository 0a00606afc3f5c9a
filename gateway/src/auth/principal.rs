//! The caller, proved: what the rest of the gateway may know about a token.

use std::{ops::Deref, sync::Arc};

use tradewind_policies::{Attributes, Grants, TenantId};

/// What a verified token says. Cheap to share: it is made once a token and kept with the verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub subject: Arc<str>,
    /// The tenant that the token names, if it does.
    pub named: Option<TenantId>,
    /// The token's `iss`: the string of the configuration.
    pub issuer: Arc<str>,
    /// What the token grants; `None` where it has no such claim and thus does not narrow what its tenant may use.
    pub models: Option<Arc<Grants>>,
    /// The token's `exp`, in seconds since 1970.
    pub expires: u64,
    /// The token's `jti`, for the audit log.
    pub token_id: Option<Arc<str>>,
    /// Its claims that are texts, numbers or truth values, or lists of them: what a policy may look at.
    pub claims: Attributes,
}

/// A verified caller: a token, and whose it is by the policy in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose budget, limits and policy apply.
    pub tenant: TenantId,
    /// What the token says.
    pub identity: Arc<Identity>,
}

impl Deref for Principal {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

//! Who may ask for what. Denies unless something grants.
//!
//! Two sides may speak: the token, by a claim with patterns, and the policy, by a `[tenant.NAME]` entry. Each that
//! speaks must grant, and at least one must speak. A policy that declares any tenant speaks for all: a tenant it
//! does not declare is denied.
//!
//! A pattern may fit the name that was asked for or the model that an alias leads to. Whether a model exists is
//! told only to those who were granted its name, so that a denial is no way to find out what is served.

use std::fmt;

use super::Policy;
use crate::grant::Grants;
use crate::name::{ModelId, TenantId};
use tradewind_protocol::Operation;

/// Who could have granted and did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantor {
    /// The claim of the token.
    Token,
    /// The tenant's entry in the policy.
    Tenant,
}

/// Why a request may not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The policy declares its tenants, and this is none of them.
    #[error("tenant `{0}` is not declared in the policy; add `[tenant.{0}]`")]
    UnknownTenant(TenantId),
    /// One side spoke and did not grant this name.
    #[error("{by} does not allow model `{asked}`")]
    NotGranted {
        /// Which side.
        by: Grantor,
        /// The name that was asked for.
        asked: String,
    },
    /// Neither side spoke.
    #[error("nothing grants model `{asked}`: the token names no models and the policy declares no tenants")]
    NothingGrants {
        /// The name that was asked for.
        asked: String,
    },
    /// The name is granted, but there is no such model.
    #[error("model `{asked}` does not exist")]
    NoSuchModel {
        /// The name that was asked for.
        asked: String,
    },
    /// The name is granted and exists, but no backend can do this with it.
    #[error("model `{model}` does not serve {operation}")]
    OperationNotServed {
        /// The model that was found.
        model: ModelId,
        /// What it cannot do.
        operation: Operation,
    },
}

impl Denied {
    /// The reasons by their words, as tests of a policy name them.
    pub(crate) const REASONS: [&'static str; 4] = ["unknown-tenant", "not-granted", "no-such-model", "operation-not-served"];

    /// The reason in a word, as tests of a policy expect it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownTenant(_) => "unknown-tenant",
            Self::NotGranted { .. } | Self::NothingGrants { .. } => "not-granted",
            Self::NoSuchModel { .. } => "no-such-model",
            Self::OperationNotServed { .. } => "operation-not-served",
        }
    }
}

impl Policy {
    /// Whether `tenant`, whose token has these `grants` (`None` if it has no such claim), may ask for the model
    /// name `asked` and this operation.
    ///
    /// # Errors
    ///
    /// The reason for the denial, meant for the audit record. Only [`Denied::NoSuchModel`] and
    /// [`Denied::OperationNotServed`] may be told apart by the caller of the API; they are the answers to someone
    /// who is allowed that name.
    pub fn authorize(&self, tenant: &TenantId, grants: Option<&Grants>, asked: &str, operation: Operation) -> Result<(), Denied> {
        let model = self.model(asked);
        let sides = self.sides(tenant, grants)?;
        sides.grant(asked, model.map(|model| &model.id))?;
        match model {
            None => Err(Denied::NoSuchModel { asked: asked.into() }),
            Some(model) if model.operations.contains(operation) => Ok(()),
            Some(model) => Err(Denied::OperationNotServed { model: model.id.clone(), operation }),
        }
    }

    /// Whether a tenant whose token grants everything may ask for that.
    pub(crate) fn is_allowed(&self, tenant: &TenantId, asked: &str, operation: Operation) -> bool {
        let model = self.model(asked);
        let entry = self.tenants.as_ref().map(|tenants| tenants.get(tenant));
        let fits = |grants: &Grants| grants.allow(asked) || model.is_some_and(|model| grants.allow(model.id.as_str()));
        let is_granted = entry.is_none_or(|entry| entry.is_some_and(|entry| fits(&entry.allow)));
        is_granted && model.is_some_and(|model| model.operations.contains(operation))
    }

    /// The sides that speak for this caller.
    pub(super) fn sides<'g>(&'g self, tenant: &TenantId, token: Option<&'g Grants>) -> Result<Sides<'g>, Denied> {
        let entry = match &self.tenants {
            None => None,
            Some(tenants) => Some(tenants.get(tenant).ok_or_else(|| Denied::UnknownTenant(tenant.clone()))?),
        };
        Ok(Sides { token, tenant: entry.map(|entry| &entry.allow) })
    }
}

/// The sides that speak for a caller; `None` is one that is silent.
#[derive(Clone, Copy)]
pub(super) struct Sides<'g> {
    token: Option<&'g Grants>,
    tenant: Option<&'g Grants>,
}

impl Sides<'_> {
    /// Asks each side that speaks for the name or the model it leads to.
    pub(super) fn grant(self, asked: &str, model: Option<&ModelId>) -> Result<(), Denied> {
        if self.token.is_none() && self.tenant.is_none() {
            return Err(Denied::NothingGrants { asked: asked.into() });
        }
        let fits = |grants: &Grants| grants.allow(asked) || model.is_some_and(|model| grants.allow(model.as_str()));
        for (by, side) in [(Grantor::Token, self.token), (Grantor::Tenant, self.tenant)] {
            if side.is_some_and(|grants| !fits(grants)) {
                return Err(Denied::NotGranted { by, asked: asked.into() });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Grantor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "the token",
            Self::Tenant => "the policy's tenant entry",
        })
    }
}

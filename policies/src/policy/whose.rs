//! Whose a token is, and which headers matter.

use std::collections::BTreeSet;

use super::Policy;
use crate::name::TenantId;
use crate::read::CREDENTIALS;
use crate::request::Attributes;
use crate::spec::{Expression, RouteSpec};

/// Why a token is no tenant's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTenant {
    /// It names no tenant, and no tenant knows its claims.
    #[error("the token names no tenant, and its claims fit no tenant's `who`")]
    Unnamed,
    /// Its claims fit several tenants.
    #[error("the token's claims fit the `who` of several tenants: `{first}` and `{second}`")]
    Ambiguous {
        /// One of them.
        first: TenantId,
        /// Another.
        second: TenantId,
    },
    /// It names a tenant that knows its tokens by their claims, and these are others.
    #[error("the token names tenant `{0}`, whose `who` its claims do not fit")]
    Misnamed(TenantId),
}

impl Policy {
    /// The tenant of a token with these claims, which names `named`: the one whose `who` they fit; else the one that is named, unless that
    /// knows its tokens by other claims.
    ///
    /// # Errors
    ///
    /// It is no tenant's, or it cannot be said whose.
    pub fn tenant_of(&self, claims: &Attributes, named: Option<&TenantId>) -> Result<TenantId, NoTenant> {
        let fitting = self.known_by_claims.iter().filter(|(_, who)| who.fits(claims)).map(|(tenant, _)| tenant);
        self.tenant_fitting(fitting, named)
    }

    /// The same, by the tenants whose `who` the claims fit.
    pub(super) fn tenant_fitting<'p>(
        &self,
        mut fitting: impl Iterator<Item = &'p TenantId>,
        named: Option<&TenantId>,
    ) -> Result<TenantId, NoTenant> {
        match (fitting.next(), fitting.next(), named) {
            (Some(first), Some(second), _) => Err(NoTenant::Ambiguous { first: first.clone(), second: second.clone() }),
            (Some(tenant), None, _) => Ok(tenant.clone()),
            (None, _, None) => Err(NoTenant::Unnamed),
            (None, _, Some(named)) if self.known_by_claims.iter().any(|(tenant, _)| tenant == named) => {
                Err(NoTenant::Misnamed(named.clone()))
            }
            (None, _, Some(named)) => Ok(named.clone()),
        }
    }

    /// Whether any route looks at this header, by its name in lower case.
    pub fn looks_at_header(&self, name: &str) -> bool {
        self.headers.are_looked_at(name)
    }
}

/// The headers that routes look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    named: BTreeSet<Box<str>>,
    /// Whether an expression may look at any of them.
    any: bool,
}

impl Headers {
    pub(super) fn of(routes: &[RouteSpec]) -> Self {
        let conditions = || routes.iter().map(|route| &route.conditions);
        Self {
            named: conditions().flat_map(|conditions| &conditions.headers.0).map(|(name, _)| name.clone()).collect(),
            any: conditions().filter_map(|conditions| conditions.when.as_ref()).any(Expression::names_headers),
        }
    }

    fn are_looked_at(&self, name: &str) -> bool {
        (self.any || self.named.contains(name)) && !CREDENTIALS.contains(&name)
    }
}

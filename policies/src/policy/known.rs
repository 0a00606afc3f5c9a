//! Where a request goes that is long over, as far as what was recorded of it tells.

use super::{Eligible, NoRoute, NoTenant, Policy};
use crate::decision::{Decision, TokenNames};
use crate::name::{RouteName, TenantId};
use crate::request::{Attributes, Request};
use crate::spec::{Conditions, Known, Lacking};

/// What would have to be known to say what becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Which tenant's it is.
    Tenant { tenant: TenantId, lacking: Lacking },
    /// Which route it takes.
    Route { route: RouteName, lacking: Lacking },
}

impl Policy {
    /// What was recorded of a request. Where `decided_by` is the policy that decided it, the route that it took tells of claims and headers
    /// that were not recorded: it met the conditions of that route, and not those of any before.
    pub(crate) fn known<'k>(decision: &'k Decision, tenant: &TenantId, decided_by: Option<&'k Self>) -> Known<'k> {
        let mut known = Known {
            claims: &decision.claims,
            headers: &decision.headers,
            met: Vec::new(),
            unmet: Vec::new(),
            fitted: Vec::new(),
            unfitted: Vec::new(),
        };
        let Some(policy) = decided_by else { return known };
        for (own, who) in &policy.known_by_claims {
            if own == tenant { known.fitted.push(&who.0) } else { known.unfitted.push(&who.0) }
        }
        let outgrown = decision.outgrown.iter().map(|left| (left.route.as_str(), left.model.as_str()));
        // One that was led on was asked about by several names.
        let is_of_one_name = |conditions: &Conditions| {
            decision.outgrown.is_empty() || !conditions.when.as_ref().is_some_and(|when| when.names("model"))
        };
        for (name, model) in outgrown.chain(decision.route.as_deref().zip(decision.model.as_deref())) {
            let asked = policy.routes.iter().filter(|route| route.lane.model.as_str() == model && route.is_for(tenant));
            let asked: Vec<_> = asked.collect();
            let taken = asked.iter().position(|route| route.name.as_str() == name);
            if let Some((before, [route, ..])) = taken.and_then(|taken| asked.split_at_checked(taken)) {
                known.unmet.extend(before.iter().map(|route| &route.conditions).filter(|unmet| is_of_one_name(unmet)));
                known.met.extend(Some(&route.conditions).filter(|met| is_of_one_name(met)));
            }
        }
        known
    }

    /// The tenant of a request that `tenant` made under another policy.
    pub(crate) fn tenant_as_known(
        &self,
        tenant: &TenantId,
        names: &TokenNames,
        claims: &Attributes,
        known: &Known<'_>,
    ) -> Result<Result<TenantId, NoTenant>, Unknown> {
        let mut fitting = Vec::new();
        for (own, who) in &self.known_by_claims {
            match known.fit(&who.0, claims) {
                Some(true) => fitting.push(own),
                Some(false) => {}
                None => {
                    let lacking = Lacking { claims: known.lacking_claims(&who.0).collect(), ..Lacking::default() };
                    return Err(Unknown::Tenant { tenant: own.clone(), lacking });
                }
            }
        }
        let named = match names {
            TokenNames::TheTenant => Some(tenant.clone()),
            TokenNames::Nobody => None,
            // What is no name of a tenant would have been refused.
            TokenNames::Another(name) => name.parse().ok(),
        };
        Ok(self.tenant_fitting(fitting.into_iter(), named.as_ref()))
    }

    /// Which backends may serve a request.
    pub(crate) fn eligible_as_known(
        &self,
        request: &Request<'_>,
        known: &Known<'_>,
    ) -> Result<Result<Eligible<'_>, NoRoute>, Unknown> {
        let mut unknown = None;
        let eligible = self.eligible_by(request, |route, request| {
            let holds = known.hold(&route.conditions, request)?;
            if holds.is_none() {
                unknown = Some(Unknown::Route { route: route.name.clone(), lacking: known.lacking(&route.conditions) });
            }
            // It ends the search: what comes after it is for nothing.
            Ok(holds.unwrap_or(true))
        });
        unknown.map_or(Ok(eligible), Err)
    }
}

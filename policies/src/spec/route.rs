//! One route: from a model, and perhaps some tenants, to tiers of backends.

use super::{BackendIndex, BackendSpec, Price, Routing, TimeoutOverrides, Timeouts};
use crate::name::{FailureDomain, ModelId, RouteName, TenantId, UpstreamModel, Weights};
use crate::pattern::Pattern;
use tradewind_protocol::Operation;

/// One backend that may serve a request, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which backend.
    pub backend: BackendIndex,
    /// What that backend calls the model.
    pub model: UpstreamModel,
    /// The limits of one attempt: the built-in ones, overridden by `[defaults]`, the backend and the route, in
    /// this order.
    pub timeouts: Timeouts,
    /// What fails together with that backend: a second attempt elsewhere in the same domain is no second chance.
    pub failure_domain: FailureDomain,
    /// What the tokens of the model cost there, if the policy says so.
    pub price: Option<Price>,
    /// Which weights the model has there, if the policy says so: those of two targets are the same if their names are.
    pub weights: Option<Weights>,
}

/// One `[[route]]`, its backends looked up.
#[derive(Clone, Debug)]
pub(crate) struct RouteSpec {
    pub(crate) name: RouteName,
    pub(crate) model: ModelId,
    /// Whom it is for; everyone if absent.
    pub(crate) tenants: Option<Vec<Pattern>>,
    pub(crate) routing: Routing,
    pub(crate) timeouts: Timeouts,
    /// The targets of each operation, in the order of [`Operation::ALL`].
    tiers: [Vec<Vec<Target>>; Operation::ALL.len()],
}

/// What a route is made from.
pub(crate) struct RouteParts {
    pub(crate) name: RouteName,
    pub(crate) model: ModelId,
    pub(crate) tenants: Option<Vec<Pattern>>,
    pub(crate) tiers: Vec<Vec<BackendIndex>>,
    pub(crate) routing: Routing,
    /// The limits of a request whose route sets none.
    pub(crate) defaults: Timeouts,
    /// The limits that this route sets.
    pub(crate) overrides: TimeoutOverrides,
}

impl RouteSpec {
    /// Works out the targets of each operation once, so that a request only reads them.
    pub(crate) fn compile(parts: RouteParts, backends: &[BackendSpec]) -> Self {
        let target = |index: BackendIndex, operation: Operation| {
            let backend = backends.get(index.0)?;
            let served = backend.serves(&parts.model).filter(|served| served.operations.contains(operation))?;
            Some(Target {
                backend: index,
                model: served.upstream.clone(),
                timeouts: backend.timeouts.with(parts.overrides),
                failure_domain: backend.failure_domain.clone(),
                price: served.price,
                weights: served.weights.clone(),
            })
        };
        let tiers = |operation: Operation| {
            let tier = |tier: &Vec<BackendIndex>| tier.iter().filter_map(|index| target(*index, operation)).collect();
            parts.tiers.iter().map(tier).filter(|tier: &Vec<Target>| !tier.is_empty()).collect()
        };
        Self {
            tiers: Operation::ALL.map(tiers),
            timeouts: parts.defaults.with(parts.overrides),
            name: parts.name,
            model: parts.model,
            tenants: parts.tenants,
            routing: parts.routing,
        }
    }

    /// The targets that may serve `operation`, in tiers; empty if there are none.
    pub(crate) fn tiers(&self, operation: Operation) -> &[Vec<Target>] {
        let mut tiers = Operation::ALL.iter().zip(&self.tiers);
        tiers.find(|(served, _)| **served == operation).map_or(&[], |(_, tiers)| tiers)
    }

    /// Whether the route is for this tenant.
    pub(crate) fn is_for(&self, tenant: &TenantId) -> bool {
        self.tenants.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(tenant.as_str())))
    }
}

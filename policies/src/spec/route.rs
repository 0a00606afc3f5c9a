//! One route: from a model, and perhaps some tenants, to tiers of backends.

use super::{
    BackendIndex, BackendSpec, Canary, CanaryLane, Conditions, Demand, Lane, LaneParts, Requirement, Routing, ShadowParts,
    ShadowSpec, Split, TimeoutOverrides, Timeouts,
};
use crate::fault::Place;
use crate::name::{ModelId, RouteName, TenantId};
use crate::pattern::Pattern;

/// One `[[route]]`, its backends looked up.
#[derive(Clone, Debug)]
pub(crate) struct RouteSpec {
    pub(crate) name: RouteName,
    /// Where it is written; nowhere for the built-in policy.
    pub(crate) place: Option<Place>,
    /// Whom it is for; everyone if absent.
    pub(crate) tenants: Option<Vec<Pattern>>,
    pub(crate) conditions: Conditions,
    pub(crate) routing: Routing,
    /// How its sessions are shared, if they are.
    pub(crate) split: Option<Split>,
    pub(crate) canary: Option<CanaryLane>,
    /// Where it is written what a request may cost.
    pub(crate) ceiling_place: Option<Place>,
    pub(crate) timeouts: Timeouts,
    /// What it requires of its backends, with what `[defaults]` does.
    pub(crate) demands: Vec<Demand>,
    pub(crate) lane: Lane,
    /// Where copies of some of its requests go.
    pub(crate) shadow: Option<ShadowSpec>,
    /// Where requests go on that none of its backends has room for.
    pub(crate) larger: Option<Larger>,
}

/// A model with more room than those of a route.
#[derive(Clone, Debug)]
pub(crate) struct Larger {
    /// The name that is asked for: an id or an alias.
    pub(crate) name: ModelId,
    /// Where that is written.
    pub(crate) place: Option<Place>,
}

/// What a route is made from.
pub(crate) struct RouteParts {
    pub(crate) name: RouteName,
    pub(crate) place: Option<Place>,
    pub(crate) model: ModelId,
    pub(crate) tenants: Option<Vec<Pattern>>,
    pub(crate) conditions: Conditions,
    pub(crate) tiers: Vec<Vec<BackendIndex>>,
    pub(crate) shadow: Option<ShadowParts>,
    pub(crate) larger: Option<Larger>,
    pub(crate) demands: Vec<Demand>,
    pub(crate) routing: Routing,
    pub(crate) split: Option<Split>,
    pub(crate) canary: Option<(Canary, BackendIndex)>,
    pub(crate) ceiling_place: Option<Place>,
    /// The limits of a request whose route sets none.
    pub(crate) defaults: Timeouts,
    /// The limits that this route sets.
    pub(crate) overrides: TimeoutOverrides,
}

impl RouteSpec {
    /// Works out the targets once, so that a request only reads them. The floors are what tenants require.
    pub(crate) fn compile(parts: RouteParts, backends: &[BackendSpec], floors: &[Requirement]) -> Self {
        let RouteParts { name, place, model, tenants, conditions, tiers, shadow, demands, routing, split, .. } = parts;
        let (canary, defaults, overrides) = (parts.canary, parts.defaults, parts.overrides);
        let (ceiling_place, larger) = (parts.ceiling_place, parts.larger);
        let parts = LaneParts { model, tiers: &tiers, overrides, demands: &demands, floors };
        let lane = Lane::compile(&parts, backends);
        let shadow = shadow.map(|shadow| ShadowSpec::compile(shadow, &parts, backends));
        let canary = canary.map(|(canary, backend)| CanaryLane::compile(canary, backend, &parts, backends));
        let timeouts = defaults.with(overrides);
        Self { name, place, tenants, conditions, routing, split, canary, ceiling_place, timeouts, demands, lane, shadow, larger }
    }

    /// Whether it matches whatever else is in the request, once the tenant fits.
    pub(crate) fn is_certain(&self) -> bool {
        self.conditions.are_none()
    }

    /// What it requires of its backends by itself and by `[defaults]`, in one.
    pub(crate) fn requirement(&self) -> Requirement {
        self.demands.iter().fold(Requirement::default(), |all, demand| all.and(demand.requirement))
    }

    /// Whether the route is for this tenant.
    pub(crate) fn is_for(&self, tenant: &TenantId) -> bool {
        self.tenants.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(tenant.as_str())))
    }
}

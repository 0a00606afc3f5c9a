//! By what a policy can tell requests apart: what a comparison of two policies has to try.

use super::Policy;
use crate::name::{RouteName, TenantId};
use crate::pattern::Pattern;
use crate::spec::{CapabilityOverrides, Conditions, Expression, NanoUsd, Price, Requirement, Target, Wanted};

impl Policy {
    /// Every pattern of tenants in a route.
    pub(crate) fn tenant_patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.routes.iter().filter_map(|route| route.tenants.as_ref()).flatten()
    }

    /// Whether it denies tenants that it does not declare.
    pub(crate) fn declares_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// What its entry allows a tenant and requires for it, if it has one.
    pub(crate) fn entry(&self, tenant: &TenantId) -> Option<(&[Pattern], Requirement)> {
        self.tenants.as_ref()?.get(tenant).map(|spec| (spec.allow.patterns(), spec.requirement))
    }

    /// For each route, whether it is for this tenant.
    pub(crate) fn routes_for(&self, tenant: &TenantId) -> impl Iterator<Item = bool> {
        self.routes.iter().map(|route| route.is_for(tenant))
    }

    /// What the routes of that name ask of a request, if there are any.
    pub(crate) fn conditions_for(&self, asked: &str) -> impl Iterator<Item = &Conditions> {
        let model = self.model(asked).map(|model| &model.id);
        self.routes.iter().filter(move |route| Some(&route.lane.model) == model).map(|route| &route.conditions)
    }

    /// The expression of each route that has one.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (&RouteName, &Expression)> {
        self.routes.iter().filter_map(|route| Some((&route.name, route.conditions.when.as_ref()?)))
    }

    /// The tenants that know their tokens by their claims, with these claims.
    pub(crate) fn known_by_claims(&self) -> impl Iterator<Item = (&TenantId, &Wanted)> {
        self.known_by_claims.iter().map(|(tenant, who)| (tenant, &who.0))
    }

    /// What models are said to be able to do, wherever they are.
    pub(crate) fn capabilities(&self) -> impl Iterator<Item = &CapabilityOverrides> {
        self.backends.iter().flat_map(|backend| &backend.models).map(|served| &served.capabilities)
    }

    /// Where requests for a name may cost too much: each ceiling, with a price that it is held against and the most that is answered there.
    pub(crate) fn ceilings(&self, asked: &str) -> impl Iterator<Item = (NanoUsd, &Price, Option<u64>)> {
        let id = self.model(asked).map(|model| &model.id);
        let routes = self.routes.iter().filter(move |route| Some(&route.lane.model) == id);
        let capped = routes.filter_map(|route| Some((route.routing.ceiling.per_request?, route)));
        capped.flat_map(|(ceiling, route)| {
            let shadow = route.shadow.iter().map(|shadow| &shadow.lane);
            let canary = route.canary.iter().map(|canary| &canary.lane);
            let lanes = std::iter::once(&route.lane).chain(shadow).chain(canary);
            lanes.flat_map(|lane| lane.prices()).map(move |(price, most)| (ceiling, price, most))
        })
    }

    /// Where requests, or copies of them, can go at all.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        let shadows = self.routes.iter().filter_map(|route| route.shadow.as_ref()).map(|shadow| &shadow.lane);
        let canaries = self.routes.iter().filter_map(|route| route.canary.as_ref()).map(|canary| &canary.lane);
        self.routes.iter().map(|route| &route.lane).chain(shadows).chain(canaries).flat_map(|lane| lane.all())
    }
}
